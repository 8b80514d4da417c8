import { execFile, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const BINARY = join(HERE, '../../.cache/interop')

/** What main.go takes: bytes are base64 in it. */
export type Question = { readonly ask: string; readonly [field: string]: unknown }

/** What main.go answers. An empty flaw: everything holds. */
export type Answer = {
  readonly flaw: string
  readonly size?: number
  readonly entries?: number
  readonly proofs?: number
  readonly signers?: readonly string[]
  readonly times?: readonly number[]
  readonly note?: string
  readonly keys?: readonly string[]
  readonly vectors?: {
    readonly entries: readonly string[]
    readonly nodes: readonly (readonly string[])[]
    readonly roots: readonly string[]
  }
}

/** Builds the program; Go keeps what it built, so a second time takes no time. */
export async function buildInterop(go: string): Promise<string> {
  await promisify(execFile)(go, ['build', '-C', HERE, '-buildvcs=false', '-o', BINARY, '.'])
  return BINARY
}

/** A log in a directory, and whose signatures its checkpoint MUST bear. */
export type AskedLog = {
  readonly dir: string
  readonly origin: string
  /** vkey */
  readonly logKey: string
  /** vkeys: all of them have to have cosigned. */
  readonly witnesses: readonly string[]
  /** Checkpoints that it MUST continue, signed and cosigned by the same. */
  readonly previous?: readonly string[]
  /** What is to be read instead of the files: base64, or null for none. */
  readonly changes?: Readonly<Record<string, string | null>>
}

export const aboutLog = ({ logKey, ...log }: AskedLog): Question => ({ ask: 'log', log_key: logKey, ...log })

/** Asks one process all of it, in order: to start one for each would take longer than what is asked. */
export async function ask(program: string, questions: Iterable<Question>): Promise<Answer[]> {
  const child = spawn(program, [], { stdio: ['pipe', 'pipe', 'inherit'] })
  const answers: Answer[] = []
  const reading = (async () => {
    for await (const line of createInterface({ input: child.stdout })) answers.push(JSON.parse(line) as Answer) // main.go's
  })()
  await pipeline(Readable.from(linesOf(questions)), child.stdin)
  await reading
  return answers
}

export const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

function* linesOf(questions: Iterable<Question>): Generator<string> {
  for (const question of questions) yield `${JSON.stringify(question)}\n`
}
