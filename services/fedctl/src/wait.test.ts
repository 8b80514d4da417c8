import { Code, ConnectError } from '@connectrpc/connect'
import { systemClock } from '@powernode/clock'
import { Refusal } from '@powernode/rpc'
import { expect, test } from 'vitest'
import { until } from './wait.ts'

/** Whoever waits here sleeps no longer than time takes to be told of it. */
function waiting(looks: readonly (string | Error)[]) {
  let atMs = 0
  let looked = 0
  const clock = { ...systemClock, now: () => new Date(atMs), sleep: async (ms: number) => void (atMs += ms) }
  const look = async () => {
    const came = looks[Math.min(looked++, looks.length - 1)] ?? ''
    if (came instanceof Error) throw came
    return came
  }
  const said = {
    ms: 1_000,
    look,
    judge: (state: string) => (state === 'there' ? ('done' as const) : ('not yet' as const)),
    missing: (state: string) => ({ message: `it is ${state}`, next: 'look again' }),
  }
  return until({ clock, signal: new AbortController().signal } as never, said) // all that it takes of a session
}

const STALE = new Refusal('POLICY_STALE', 'not known at this moment', { retryAfterMs: 1_000 })
const AWAY = new ConnectError('nobody is there', Code.Unavailable)
const LATE = new ConnectError('too late', Code.DeadlineExceeded)

test('who waits for a state waits on while it cannot be seen: a service that is away for a moment undoes nothing', async () => {
  expect(await waiting(['coming', STALE, AWAY, LATE, 'there'])).toBe('there')
})

test('what could not be seen until time was over is said as it was', async () => {
  await expect(waiting(['coming', STALE])).rejects.toBe(STALE)
  await expect(waiting(['coming'])).rejects.toThrow('it is coming')
})

test('a refusal that will not pass ends the wait at once', async () => {
  const unknown = new Refusal('PEER_NOT_FOUND', 'there is no such peer')
  await expect(waiting([unknown, 'there'])).rejects.toBe(unknown)
})
