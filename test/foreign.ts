import { spawn, spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { describe, test } from 'vitest'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const { PATH = '', GOBIN = '', POWERNODE_REQUIRE_FOREIGN_CLIENTS: REQUIRED } = process.env
const PLACES = [GOBIN, join(ROOT, '.cache/bin'), join(ROOT, 'node_modules/.bin'), ...PATH.split(delimiter)]

/** Where a program lies: what .ci/run installed, what npm brought, or what the machine has. */
export function findProgram(name: string): string | undefined {
  return PLACES.filter(Boolean)
    .map((place) => join(place, name))
    .find(canRun)
}

/** The Python that has the gRPC library: Debian's, or one in .cache/grpcio made by `python3 -m venv`. */
export function findGrpcPython(): string | undefined {
  const imports = ['-c', 'import grpc, google.protobuf']
  return ['/usr/bin/python3', join(ROOT, '.cache/grpcio/bin/python')].find(
    (python) => canRun(python) && spawnSync(python, imports).status === 0,
  )
}

/**
 * The stories of one program that is not ours. Where it is missing they are skipped, with a line that says so; where
 * POWERNODE_REQUIRE_FOREIGN_CLIENTS=1, as .ci/run has it, that is a failure.
 */
export function describeForeign(
  name: string,
  { program, install }: { program: string | undefined; install: string },
  stories: (program: string) => void,
): void {
  const why = `${name} is not here: ${install}`
  if (!program && REQUIRED !== '1') process.stdout.write(`skipped: ${why}\n`)
  describe.skipIf(!program && REQUIRED !== '1')(`the client ${name}`, () => {
    if (program) stories(program)
    else
      test('is here', () => {
        throw new Error(why)
      })
  })
}

export type Ran = { readonly code: number | null; readonly out: string; readonly err: string }

/** Runs a program to its end, in the environment of the test unless given one. */
export async function run(
  program: string,
  args: readonly string[],
  { input = '', env = process.env }: { input?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Ran> {
  const child = spawn(program, args, { timeout: 120_000, env })
  child.stdin.on('error', () => {}) // it may end without having read all
  child.stdin.end(input)
  const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  return { code, out, err }
}

/** What a program prints until `enough` says so; then it is ended. */
export async function runUntil(
  program: string,
  args: readonly string[],
  enough: (printed: string) => boolean,
): Promise<string> {
  const child = spawn(program, args, { timeout: 120_000, stdio: ['ignore', 'pipe', 'inherit'] })
  let printed = ''
  for await (const chunk of child.stdout) {
    printed += String(chunk)
    if (enough(printed)) child.kill()
  }
  return printed
}

function canRun(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
