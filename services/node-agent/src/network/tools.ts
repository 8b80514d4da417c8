import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type Ran = { readonly code: number; readonly out: string; readonly err: string }

export type RunOptions = { readonly input?: string; readonly timeoutMs?: number }

/**
 * Programs of the system, run to their end in one network namespace. Words are passed as they are: there is no shell between
 * us and a program, and nothing of our own environment goes along.
 */
export type Tools = {
  /** Undefined: the namespace that this process is in. */
  readonly netns: string | undefined
  /** A code other than 0 is an answer. Rejects only when the program is not there (`isAbsent`). */
  run(command: string, args: readonly string[], options?: RunOptions): Promise<Ran>
  /** As run, but throws what the program says when its code is not 0. */
  must(command: string, args: readonly string[], options?: RunOptions): Promise<string>
  /** The same programs in another named namespace of this machine. */
  inside(netns: string): Tools
}

/** A program that is not installed here. */
export class ToolAbsent extends Error {
  override readonly name = 'ToolAbsent'
}

export class ToolFailed extends Error {
  override readonly name = 'ToolFailed'
}

const ENV = {
  PATH: '/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/frr',
  LC_ALL: 'C',
  // Names are resolved by us, before: wg would wait for each of them, and take none when one is unknown.
  WG_ENDPOINT_RESOLUTION_RETRIES: '1',
} as const

const PATIENCE_MS = 60_000
const ANSWER_MAX_BYTES = 256 * 2 ** 20
const SAID_MAX = 600
/** What execvp and nsenter(1) end with when there is no such program. */
const NOT_FOUND_CODES: ReadonlySet<unknown> = new Set(['ENOENT', 127])

/** The network alone is another: `ip netns exec` would change mounts too, and what is mounted there nobody else sees. */
export const netOf = (netns: string): string => `--net=/run/netns/${netns}`

export function openTools(netns?: string): Tools {
  const run: Tools['run'] = (command, args, { input = '', timeoutMs = PATIENCE_MS } = {}) => {
    const [file, ...words] =
      netns === undefined ? [command, ...args] : ['nsenter', netOf(netns), '--', command, ...args]
    return new Promise((resolve, reject) => {
      const limits = {
        env: ENV,
        cwd: '/',
        timeout: timeoutMs,
        killSignal: 'SIGKILL',
        maxBuffer: ANSWER_MAX_BYTES,
      } as const
      const child = execFile(file, words, limits, (error, out, err) => {
        const code = error ? error.code : 0
        const absent = NOT_FOUND_CODES.has(code)
        if (absent) reject(new ToolAbsent(`${command} is not installed`))
        else if (typeof code === 'number') resolve({ code, out, err })
        else resolve({ code: 124, out, err: `${err}\n${command} did not end in time or said too much` })
      })
      child.stdin?.on('error', () => {}) // it may end without having read all
      child.stdin?.end(input)
    })
  }
  return {
    netns,
    run,
    async must(command, args, options) {
      const { code, out, err } = await run(command, args, options)
      if (code !== 0) throw new ToolFailed(`${command} ${args[0] ?? ''}: ${wordsOf(err || out) || `code ${code}`}`)
      return out
    },
    inside: openTools,
  }
}

/** Hands a text to a program that takes files only (a pipe of ours is a socket, which nobody can open by its path): 0600, and gone afterwards. */
export async function withFile<T>(text: string, work: (path: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'powernode-')) // 0700
  try {
    const path = join(dir, 'file')
    await writeFile(path, text, { mode: 0o600 })
    return await work(path)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** What a program said, on one line and not at length. */
export const wordsOf = (said: string): string =>
  said
    .replaceAll(/[\x00-\x1f\x7f]+/g, ' ')
    .trim()
    .slice(0, SAID_MAX)
