import { readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { requireTool } from '../toolchain/require-tool.ts';
import { runCommand } from '../toolchain/run-command.ts';
import type { RedisNode } from './stage.ts';

/** Power cuts of Redis servers that were started with `environment`, each in a directory of its own. */
export interface PowerCuts {
  /** Of the redis-server: LD_PRELOAD and where it records what was synced. */
  readonly environment: Readonly<Record<string, string>>;
  /**
   * Kills the server and cuts every file of its `appendonlydir` to what was on disk for certain: its length when the
   * last fsync or fdatasync that succeeded began; nothing of a file that was never synced. Starting again is the
   * caller's. Names are taken for durable: what the directory shows is what it would show.
   *
   * @throws when the server was started without `environment`, or keeps no append-only file
   */
  cut(redis: Pick<RedisNode, 'name' | 'processId' | 'directory' | 'kill'>): Promise<CutFiles>;
}

/** Of all files of `appendonlydir` together. */
export interface CutFiles {
  readonly keptBytes: number;
  readonly cutBytes: number;
}

/** Files that are synced in the life of a table: three for each rewrite of the AOF. */
const tableCapacity = 4096;
const recordBytes = 16;

/**
 * Compiles synced-size.c into `directory`, which keeps its records as well.
 *
 * @throws on anything but Linux, and {ToolMissingError} where there is no C compiler and none can be installed
 */
export async function preparePowerCuts(directory: string): Promise<PowerCuts> {
  if (process.platform !== 'linux') {
    throw new Error(
      `a power cut needs LD_PRELOAD, which only Linux has, this is ${process.platform}: run it in a Linux machine`,
    );
  }
  const compiler = await requireTool('cc');
  const library = join(directory, 'synced-size.so');
  const table = join(directory, 'synced-sizes');
  const source = fileURLToPath(new URL('synced-size.c', import.meta.url));
  await runCommand([compiler.path, '-std=gnu11', '-O2', '-Wall', '-Wextra', '-shared', '-fPIC', '-o', library, source]);
  await writeFile(table, Buffer.alloc(tableCapacity * recordBytes));
  return {
    environment: { LD_PRELOAD: library, SYNCED_SIZE_TABLE: table },
    async cut(redis) {
      const maps = await readFile(`/proc/${redis.processId}/maps`, 'utf8');
      if (!maps.includes(library)) {
        throw new Error(`${redis.name} does not record what it syncs: start it with the environment of its power cuts`);
      }
      await redis.kill();
      return cutToSynced(join(redis.directory, 'appendonlydir'), await readSyncedSizes(table));
    },
  };
}

type SyncedSizes = ReadonlyMap<bigint, number>;

/** By `keyOf` its file; the layout is in synced-size.c. */
async function readSyncedSizes(table: string): Promise<SyncedSizes> {
  const { buffer, byteOffset, length } = await readFile(table);
  const words = new BigUint64Array(buffer.slice(byteOffset, byteOffset + length));
  const sizes = new Map<bigint, number>();
  for (let index = 0; index < words.length; index += 2) sizes.set(words[index] ?? 0n, Number(words[index + 1]));
  return sizes;
}

async function cutToSynced(directory: string, sizes: SyncedSizes): Promise<CutFiles> {
  let keptBytes = 0;
  let cutBytes = 0;
  for (const name of await readdir(directory)) {
    const file = join(directory, name);
    const { ino, birthtimeNs, size } = await stat(file, { bigint: true });
    const length = Number(size);
    const synced = Math.min(length, sizes.get(keyOf(ino, birthtimeNs)) ?? 0);
    if (synced < length) await truncate(file, synced);
    keptBytes += synced;
    cutBytes += length - synced;
  }
  return { keptBytes, cutBytes };
}

/** As in synced-size.c. */
function keyOf(inode: bigint, bornNs: bigint): bigint {
  const prime = 1_099_511_628_211n;
  const key = BigInt.asUintN(64, (14_695_981_039_346_656_037n ^ inode) * prime);
  return BigInt.asUintN(64, (key ^ bornNs) * prime) | 1n;
}
