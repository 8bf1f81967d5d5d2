/** Whether the server refused a write because its memory is full. Before Redis 7 a script's refusal has words in front. */
export function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && error.message.includes('OOM command not allowed');
}
