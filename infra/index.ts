import { Config, getStack } from '@pulumi/pulumi';

import { readStackConfig } from './read-stack-config.ts';
import { deployStack } from './stack.ts';

const stack = deployStack(readStackConfig(getStack(), new Config()));

export const { apiUrl, prometheusUrl, grafanaUrl, serviceImage, probePorts } = stack;
