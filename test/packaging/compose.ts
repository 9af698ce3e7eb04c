import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse } from 'yaml';
import type { Service } from './commands.ts';
import type { Container } from './container.ts';
import type { Image } from './dockerfile.ts';

/** What these files use of https://docs.docker.com/reference/compose-file/. */
interface ComposeService {
  readonly entrypoint?: string | readonly string[];
  readonly command?: string | readonly string[];
  readonly environment?: readonly string[] | Readonly<Record<string, string>>;
  readonly volumes?: readonly (string | { readonly source: string; readonly target: string })[];
  readonly working_dir?: string;
  readonly user?: string;
  readonly networks?: Readonly<
    Record<string, { readonly aliases?: readonly string[]; readonly ipv4_address?: string }>
  >;
}

export interface Compose {
  /** Addresses that its services have. */
  readonly addresses: readonly string[];
  /** Lines of /etc/hosts that its networks stand for; a service without an address of its own is on loopback. */
  readonly hosts: readonly string[];
  /** Starts one service from an image, in place of the one that the file names; `env` is added to its variables. */
  start(name: string, image: Image, env?: Readonly<Record<string, string>>): Promise<Service>;
}

/**
 * A compose file whose services are started one by one.
 * @param options.folder that relative paths of it start from
 * @param options.variables that `${NAME}` and `${NAME:-default}` in it stand for
 */
export function readCompose(
  path: string,
  options: {
    folder: string;
    variables: Readonly<Record<string, string>>;
    start: (container: Container) => Promise<Service>;
  },
): Compose {
  const text = readFileSync(path, 'utf8').replace(
    /\$\{(\w+)(?::-([^}]*))?\}/g,
    (_, name: string, fallback?: string) => {
      const value = options.variables[name] ?? fallback;
      if (value === undefined) throw new Error(`${path}: no ${name}`);
      return value;
    },
  );
  const services = new Map(Object.entries((parse(text) as { services: Record<string, ComposeService> }).services));
  const addressesOf = (service: ComposeService): string[] =>
    Object.values(service.networks ?? {}).flatMap((network) => network.ipv4_address ?? []);
  return {
    addresses: [...services.values()].flatMap(addressesOf),
    hosts: [...services].map(([name, service]) => `${addressesOf(service)[0] ?? '127.0.0.1'} ${name}`),
    start(name, image, more = {}) {
      const service = services.get(name);
      if (service === undefined) throw new Error(`${path}: no service ${name}`);
      const { entrypoint, command, environment = {}, volumes = [], working_dir: workdir, user } = service;
      // As in an engine: an entry point of the file's own forgets the image's command.
      const words = [
        ...(entrypoint === undefined ? image.entrypoint : wordsOf(entrypoint)),
        ...(command === undefined ? (entrypoint === undefined ? image.cmd : []) : wordsOf(command)),
      ];
      const pairs = Array.isArray(environment)
        ? environment.map((line: string) => line.split(/=(.*)/s).slice(0, 2) as [string, string])
        : Object.entries(environment);
      const mounts = volumes.map((volume) => {
        const [source = '', target = ''] =
          typeof volume === 'string' ? volume.split(':') : [volume.source, volume.target];
        return { source: resolve(options.folder, source), target };
      });
      return options.start({
        image,
        command: words,
        env: { ...Object.fromEntries(pairs), ...more },
        ...(user === undefined ? {} : { user: Number(user.split(':')[0]) }),
        workdir: workdir ?? image.workdir,
        mounts,
      });
    },
  };
}

function wordsOf(command: string | readonly string[]): readonly string[] {
  return typeof command === 'string' ? command.split(/\s+/).filter((word) => word !== '') : command;
}
