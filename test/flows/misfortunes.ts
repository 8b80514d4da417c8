import { create } from '@bufbuild/protobuf'
import { systemClock } from '@powernode/clock'
import type { PartName } from '@powernode/dev/platform'
import { PeerSchema, type PeerState } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import { looks, PATIENCE_MS } from '../eventually.ts'
import type { TestPlatform } from '../mesh.ts'

export type Side = 'a' | 'b'
export type Part = PartName | 'nats, its store wiped'
export type Misfortune = { readonly part: Part; readonly side: Side; readonly moment: Moment }

export const PARTS: readonly Part[] = [
  'peer-registry',
  'federation-gateway',
  'liveness',
  'audit-ledger',
  'grant-authz',
  'postgres',
  'nats',
  'nats, its store wiped',
]

/** Points of a handshake at which something can die. */
export const MOMENTS = [
  'just after the invitation is made',
  'just after the accept',
  'when one side is seen to have accepted',
  'during the first beats',
] as const
export type Moment = (typeof MOMENTS)[number]

/** Every part on either side once, in an order and at moments that the seed decides; every moment occurs equally often. */
export function chosen(seed: number): readonly Misfortune[] {
  const chance = numbersOf(seed)
  const pairs = PARTS.flatMap((part) => [
    { part, side: 'a' as const },
    { part, side: 'b' as const },
  ])
  const moments = shuffled(
    pairs.map((_, at) => MOMENTS[at % MOMENTS.length] ?? MOMENTS[0]),
    chance,
  )
  return shuffled(
    pairs.map((pair, at) => ({ ...pair, moment: moments[at] ?? MOMENTS[0] })),
    chance,
  )
}

/** Every part on either side at every moment. */
export const every = (): readonly Misfortune[] =>
  MOMENTS.flatMap((moment) =>
    PARTS.flatMap((part) => (['a', 'b'] as const).map((side) => ({ part, side, moment }) as const)),
  )

/** Kill -9. It comes back by itself, since a platform keeps its processes running. */
export async function strike({ platform }: TestPlatform, part: Part): Promise<void> {
  const wiped = part === 'nats, its store wiped'
  platform.parts[wiped ? 'nats' : part].kill()
  if (wiped) await platform.wipeNats()
}

/** What an operator does who is told that the platform is not there just now: the same again. */
export async function insisting<R>(act: () => Promise<R>): Promise<R> {
  const giveUp = AbortSignal.timeout(PATIENCE_MS)
  for (;;) {
    try {
      return await act()
    } catch (error) {
      if (giveUp.aborted) throw error
      await systemClock.sleep(50, giveUp)
    }
  }
}

/** Waits until one side is seen in one of the states, or later. A side that cannot be asked is not waited for. */
export async function seen(sides: readonly (readonly [TestPlatform, string])[], state: PeerState): Promise<void> {
  for await (const _ of looks()) {
    const states = await Promise.all(
      sides.map(async ([platform, peer]) => {
        const answer = await platform.peers.getPeer({ peer }).catch(() => undefined)
        return (answer?.peer ?? create(PeerSchema)).state
      }),
    )
    if (states.some((now) => now >= state)) return
  }
  throw new Error(`no side was seen to be ${state}`)
}

/** Numbers in [0, 1) that follow from the seed (mulberry32). */
function numbersOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function shuffled<T>(items: readonly T[], chance: () => number): readonly T[] {
  return items
    .map((item) => ({ item, place: chance() }))
    .toSorted((one, other) => one.place - other.place)
    .map(({ item }) => item)
}
