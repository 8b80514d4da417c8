import { systemClock } from '@powernode/clock'
import { fedctl } from '@powernode/fedctl'
import { PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { Platform } from '@powernode/dev/platform'
import { looks } from '../eventually.ts'
import type { TestPlatform } from '../mesh.ts'

/** What was printed, and the exit code. */
export type Typed<Said> = { readonly exit: number; readonly out: string; readonly err: string; json(): Said }

export type Refused = {
  readonly reason: string
  readonly message: string
  readonly next?: string
  readonly metadata: Readonly<Record<string, string>>
}

/** Whose operator types: a platform of the test's, or a child that one of them made. */
export type Keyboard = { readonly platform: Pick<Platform, 'fedctlContext'> }

/** What may be around a command beside its words. */
export type Around = {
  /** What is piped in. */
  readonly input?: string
  /** FEDCTL_GRANT. */
  readonly grant?: string
}

/** An operator at a keyboard, with a script's eyes: nobody is there to be asked. */
export async function type<Said = Record<string, unknown>>(
  { platform }: Keyboard,
  line: string | readonly string[],
  { input = '', grant }: Around = {},
): Promise<Typed<Said>> {
  const said = { out: '', err: '' }
  const env = {
    cwd: '/',
    home: '/nowhere',
    context: undefined,
    colours: false,
    columns: undefined,
    canAsk: false,
    grant,
    out: (text: string) => void (said.out += text),
    err: (text: string) => void (said.err += text),
    readInput: () => input,
    ask: () => Promise.reject(new Error('nobody is there to ask')),
  }
  const words = typeof line === 'string' ? line.split(' ') : line
  const argv = ['--context', platform.fedctlContext, ...words]
  const exit = await fedctl(argv, { env, clock: systemClock, signal: AbortSignal.timeout(240_000) })
  return { exit, ...said, json: () => JSON.parse(said.out) as Said } // as the test says it has to be
}

/** Types something that has to go well, and gives the object it printed. */
export async function typeJson<Said>(
  platform: Keyboard,
  line: string | readonly string[],
  around?: Around,
): Promise<Said> {
  const typed = await typeDecided(platform, line, around)
  const { words, exit, out, err } = typed
  if (!hasGone(typed)) throw new Error(`${words.join(' ')} ended with ${exit}: ${out}${err}`)
  return JSON.parse(out) as Said // as the test says it has to be
}

/** Types something that has to be refused, and gives why it was. */
export async function typeRefused(
  platform: Keyboard,
  line: string | readonly string[],
  around?: Around,
): Promise<Refused & { readonly exit: number }> {
  const { words, exit, out } = await typeDecided(platform, line, around)
  const { error } = JSON.parse(out) as { error?: Refused }
  if (!error) throw new Error(`${words.join(' ')} went through: ${out}`)
  return { ...error, exit }
}

/**
 * Types it until somebody has decided: a gateway that has not heard its own services for a second, as happens on a busy
 * machine, says POLICY_STALE, and has done nothing.
 */
async function typeDecided(platform: Keyboard, line: string | readonly string[], around?: Around) {
  const words = typeof line === 'string' ? line.split(' ') : line
  const typed = () => type(platform, [...words, '-o', 'json'], around)
  let last = await typed()
  for await (const _ of looks()) {
    if (hasGone(last) || !/"(peer_)?reason": ?"POLICY_STALE"/.test(last.out)) break
    last = await typed()
  }
  return { ...last, words }
}

/** Well, or with a warning. */
const hasGone = ({ exit }: { readonly exit: number }) => exit === 0 || exit === 3

/** Makes two platforms peers, by hand, and waits until both are active. */
export async function becomePeers(a: TestPlatform, b: TestPlatform): Promise<void> {
  const { invitation } = await typeJson<{ invitation: { text: string } }>(a, `peer propose ${b.platform.url} --name b`)
  await typeJson(b, ['peer', 'accept', '-', '--name', 'a', '--wait', '200s'], { input: invitation.text })
  const { id } = await typeJson<{ id: string }>(a, 'peer show b')
  await a.untilState(id, PeerState.ACTIVE)
}
