import { systemClock } from '@powernode/clock'
import { fedctl as runFedctl } from '../../../../services/fedctl/src/fedctl.ts'
import { type Platform } from '../platform.ts'

/** The very command an operator would type, with the platform it is for. */
export const commandLine = (platform: Platform, args: readonly string[]) =>
  `fedctl --context ${platform.name} ${args.join(' ')}`

/** Runs fedctl and returns the object it printed. Its refusals become errors with their reason and what to do next. */
export async function fedctl<T>(platform: Platform, args: readonly string[], signal: AbortSignal): Promise<T> {
  const { code, stdout, stderr } = await run(platform, [...args, '-o', 'json'], false, signal)
  const said: T & { error?: { reason: string; message: string; next?: string } } = JSON.parse(stdout || '{}')
  if (said.error !== undefined) {
    const { reason, message, next } = said.error
    throw new Error(`${args.slice(0, 2).join(' ')}: ${message} (${reason})${next ? `; next: ${next}` : ''}`)
  }
  if (code !== 0 && code !== DONE_WITH_OPEN_ITEMS) {
    throw new Error(`${args.slice(0, 2).join(' ')} ended with ${code}: ${stderr.trim() || stdout.trim()}`)
  }
  return said
}

/** What fedctl prints for a person. */
export async function tableOf(platform: Platform, args: readonly string[], colours: boolean): Promise<string> {
  const { stdout, stderr } = await run(platform, args, colours, AbortSignal.any([]))
  return stdout || stderr
}

/** The platform's one peer as `fedctl peer show -o json` prints it. */
export async function peerJson(platform: Platform): Promise<unknown> {
  return fedctl(platform, ['peer', 'show', platform.name === 'a' ? 'b' : 'a'], AbortSignal.timeout(10_000))
}

const DONE_WITH_OPEN_ITEMS = 3

/** In this process: a Node for each command would cost more time than the whole handshake. */
async function run(platform: Platform, args: readonly string[], colours: boolean, signal: AbortSignal) {
  let [stdout, stderr] = ['', '']
  const env = {
    cwd: process.cwd(),
    home: platform.dir,
    context: undefined,
    colours,
    columns: process.stdout.isTTY ? process.stdout.columns : undefined,
    canAsk: false,
    out: (text: string) => void (stdout += text),
    err: (text: string) => void (stderr += text),
    readInput: () => '',
    ask: async () => '',
  }
  const words = ['--context', platform.fedctlContext, ...args]
  const code = await runFedctl(words, { env, clock: systemClock, signal })
  return { code, stdout, stderr }
}
