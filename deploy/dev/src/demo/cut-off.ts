import { setTimeout as wait } from 'node:timers/promises'
import { type Display } from '../display.ts'
import { type Platform } from '../platform.ts'
import { commandLine, fedctl, outcomeOf, peerJson } from './fedctl.ts'

/** What became of a peering while the other side was away, in milliseconds since it went, and since it came back. */
export type CutOff = {
  /** The limit that both agreed on; the demo's is short. */
  readonly stale_after_ms: number
  /** A said what is wrong. */
  readonly named_ms: number
  /** A had looked, found nobody, and degraded it. */
  readonly degraded_ms: number
  /** Both active again, since B was back. */
  readonly active_again_ms: number
  /** The first word of A, and what it decided. */
  readonly signal: string
  readonly action: string
  /** What the doctor said while B was away: its symptom, and who has to act. */
  readonly doctor: { readonly symptom: string; readonly side: string }
}

/** So long a demo waits for the silence of a peer; one of an operator's own timers is let be. */
const LONGEST_MS = 20_000
const PATIENCE_MS = 150_000
const LOOK_EVERY_MS = 100

type Around = { readonly display: Display; readonly signal: AbortSignal }
type Signals = { readonly signals: readonly { readonly reason: string; readonly detail: string; readonly closed_at?: string }[] } // prettier-ignore
type Diary = { readonly remediations: readonly { readonly action: string; readonly detail: string }[] }
type Doctor = { readonly verdict: { readonly symptom: string; readonly side: string; readonly summary: string } }

/**
 * B is cut off: its door is gone, and with it its way out. A names what it sees, looks for B on all its roads before it
 * degrades it, and the doctor says whose it is; B comes back, and both are active by themselves.
 */
export async function cutOff(a: Platform, b: Platform, { display, signal }: Around): Promise<CutOff | undefined> {
  const { timers } = await peerJson<{ readonly timers: { readonly stale_after: string } }>(a)
  const staleAfterMs = Number.parseFloat(timers.stale_after) * 1_000
  if (!(staleAfterMs <= LONGEST_MS)) {
    display.print(`    B counts as silent after ${timers.stale_after} here: the demo does not wait for that`)
    return undefined
  }
  const began = performance.now()
  const since = () => Math.round(performance.now() - began)
  const door = b.parts['federation-gateway']
  try {
    await display.step('B is cut off', async (say) => {
      await door.pause()
      say('its gateway is down')
    })
    const named = await display.step('A names it', async (say) => {
      const args = ['signal', 'list', '--peer', 'b']
      say(commandLine(a, args))
      const [first] = await until(
        async () => (await fedctl<Signals>(a, args, signal)).signals.filter((one) => !one.closed_at),
        (open) => open.length > 0,
        signal,
      )
      say(first?.detail ?? '')
      return { ms: since(), reason: first?.reason ?? '' }
    })
    const degraded = await display.step('A looks for B on all its roads, and degrades it', async (say) => {
      const args = ['remediation', 'list', '--peer', 'b', '--limit', '1']
      say(commandLine(a, args))
      await untilState(a, 'degraded', signal)
      const ms = since()
      const [last] = (await fedctl<Diary>(a, args, signal)).remediations
      say(last?.detail ?? '')
      return { ms, action: last?.action ?? '' }
    })
    const { verdict } = await display.step('The doctor says whose it is', async (say) => {
      const args = ['doctor', 'peer', 'b']
      say(commandLine(a, args))
      const { said } = await outcomeOf<Doctor>(a, args, signal)
      if (said.error !== undefined) throw new Error(`${said.error.message} (${said.error.reason})`)
      say(`${said.verdict.symptom}: ${said.verdict.summary}`)
      return said
    })
    const back = performance.now()
    await display.step('B comes back, and both are active again', async () => {
      await door.resume()
      await Promise.all([untilState(a, 'active', signal), untilState(b, 'active', signal)])
    })
    return {
      stale_after_ms: staleAfterMs,
      named_ms: named.ms,
      degraded_ms: degraded.ms,
      active_again_ms: Math.round(performance.now() - back),
      signal: named.reason,
      action: degraded.action,
      doctor: { symptom: verdict.symptom, side: verdict.side },
    }
  } finally {
    await door.resume() // whatever went wrong, B is not left cut off
  }
}

const untilState = (platform: Platform, state: string, signal: AbortSignal): Promise<unknown> =>
  until(
    () => peerJson<{ readonly state: string; readonly reason: string }>(platform),
    (peer) => peer.state === state,
    signal,
  )

// oxlint-disable-next-line max-params -- look, decide, and until when
async function until<Seen>(
  look: () => Promise<Seen>,
  met: (seen: Seen) => boolean,
  signal: AbortSignal,
): Promise<Seen> {
  const giveUp = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)])
  let seen = await look()
  while (!met(seen) && !giveUp.aborted) {
    await wait(LOOK_EVERY_MS, undefined, { signal: giveUp }).catch(() => undefined)
    seen = await look()
  }
  signal.throwIfAborted()
  if (!met(seen)) throw new Error(`after ${PATIENCE_MS / 1_000} s it is still ${JSON.stringify(seen)}`)
  return seen
}
