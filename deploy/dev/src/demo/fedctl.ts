import { systemClock } from '@powernode/clock'
import { fedctl as runFedctl } from '../../../../services/fedctl/src/fedctl.ts'
import { type Platform } from '../platform.ts'

/** Whom a command is for: a platform of ours, or a child that another made. */
export type Side = Pick<Platform, 'name' | 'dir' | 'fedctlContext'>

/** The very command an operator would type, with the platform it is for. */
export const commandLine = (platform: Side, args: readonly string[]) =>
  `fedctl --context ${platform.name} ${args.map(quoted).join(' ')}`

const quoted = (word: string) => (/^[\w./:@=,+-]+$/.test(word) ? word : `'${word}'`)

/** A refusal as fedctl prints it. */
export type Refused = {
  readonly reason: string
  readonly message: string
  readonly next?: string
  readonly metadata: Readonly<Record<string, string>>
  readonly exit_code: number
}

/** What is typed, what is piped into it, and until when it may run. */
export type Typed = { readonly args: readonly string[]; readonly input?: string; readonly signal: AbortSignal }

/** Runs fedctl and returns the object it printed. Its refusals become errors with their reason and what to do next. */
export async function fedctl<T>(platform: Side, args: readonly string[], signal: AbortSignal): Promise<T> {
  return typed(platform, { args, signal })
}

/** The same, with something on stdin. */
export async function typed<T>(platform: Side, { args, input, signal }: Typed): Promise<T> {
  const { code, stdout, stderr } = await run(platform, { args: [...args, '-o', 'json'], input, signal })
  const said: T & { error?: Refused } = JSON.parse(stdout || '{}')
  if (said.error !== undefined) {
    const { reason, message, next } = said.error
    throw new Error(`${args.slice(0, 2).join(' ')}: ${message} (${reason})${next ? `; next: ${next}` : ''}`)
  }
  if (code !== 0 && code !== DONE_WITH_OPEN_ITEMS) {
    throw new Error(`${args.slice(0, 2).join(' ')} ended with ${code}: ${stderr.trim() || stdout.trim()}`)
  }
  return said
}

/** What fedctl printed as its one object, and its exit code, whichever it is. */
export async function outcomeOf<T>(platform: Side, args: readonly string[], signal: AbortSignal) {
  const { code, stdout } = await run(platform, { args: [...args, '-o', 'json'], signal })
  const said: T & { error?: Refused } = JSON.parse(stdout || '{}')
  return { code, said }
}

/** Runs what is to be refused, and returns why it was. That it went through is the error here. */
export async function refusedCommand(platform: Side, { args, input, signal }: Typed): Promise<Refused> {
  const { stdout } = await run(platform, { args: [...args, '-o', 'json'], input, signal })
  const { error }: { error?: Refused } = JSON.parse(stdout || '{}')
  if (error === undefined) throw new Error(`${args.slice(0, 2).join(' ')} went through, and was to be refused`)
  return error
}

/** The same for a command that goes on: `item` is told each object it prints, at once. Returns the last. */
export async function streamed<T>(
  platform: Side,
  { args, signal }: Typed,
  item: (said: T) => void,
): Promise<T | undefined> {
  let last: T | undefined
  const line = (text: string) => {
    const said: T & { error?: Refused } = JSON.parse(text)
    if (said.error === undefined) item((last = said))
  }
  const { code, stdout, stderr } = await run(platform, { args: [...args, '-o', 'json'], signal, line })
  if (code !== 0 && code !== DONE_WITH_OPEN_ITEMS)
    throw new Error(
      `${args.slice(0, 2).join(' ')} ended with ${code}: ${stderr.trim() || (stdout.trim().split('\n').at(-1) ?? '')}`,
    )
  return last
}

/** What fedctl prints for a person. */
export async function tableOf(platform: Side, args: readonly string[], colours: boolean): Promise<string> {
  const { stdout, stderr } = await run(platform, { args, colours, signal: AbortSignal.any([]) })
  return stdout || stderr
}

/** The platform's one peer as `fedctl peer show -o json` prints it. */
export async function peerJson<T = unknown>(platform: Platform): Promise<T> {
  return fedctl(platform, ['peer', 'show', platform.name === 'a' ? 'b' : 'a'], AbortSignal.timeout(10_000))
}

const DONE_WITH_OPEN_ITEMS = 3

type Running = Omit<Typed, 'input'> & {
  readonly input?: string | undefined
  readonly colours?: boolean
  readonly line?: ((text: string) => void) | undefined
}

/** In this process: a Node for each command would cost more time than the whole handshake. */
async function run(platform: Side, { args, input = '', colours = false, line, signal }: Running) {
  let [stdout, stderr] = ['', '']
  const env = {
    cwd: process.cwd(),
    home: platform.dir,
    context: undefined,
    colours,
    columns: process.stdout.isTTY ? process.stdout.columns : undefined,
    canAsk: false,
    out: (text: string) => {
      stdout += text
      line?.(text)
    },
    err: (text: string) => void (stderr += text),
    readInput: () => input,
    ask: async () => '',
  }
  const words = ['--context', platform.fedctlContext, ...args]
  const code = await runFedctl(words, { env, clock: systemClock, signal })
  return { code, stdout, stderr }
}
