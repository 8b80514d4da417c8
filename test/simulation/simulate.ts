import { DEFAULTS } from '../../services/liveness/src/remediation/types.ts'
import { Draw } from './draw.ts'
import { Judge, RECOVERS_MS } from './judge.ts'
import { Net } from './net.ts'
import { newPeering, type Timers } from './peering.ts'
import { SimPlatform, type Witness, type World } from './platform.ts'
import { RULES, type Rules } from './rules.ts'
import { Timeline } from './timeline.ts'
import { complicate, letLoose, planStorms, type Storm } from './weather.ts'

const MIN = 60_000
const TIMERS: readonly Timers[] = [
  { heartbeatIntervalMs: 60_000, staleAfterMs: 300_000 },
  { heartbeatIntervalMs: 60_000, staleAfterMs: 300_000 },
  { heartbeatIntervalMs: 30_000, staleAfterMs: 120_000 },
  { heartbeatIntervalMs: 120_000, staleAfterMs: 600_000 },
]
/** A bug that does harm once does it for ever: more of it tells nothing new. */
const ENOUGH = 5

export type Outcome = {
  readonly seed: number
  readonly platforms: number
  readonly storms: readonly Storm[]
  readonly violations: readonly string[]
  readonly counts: Judge['counts']
}

/** A world from its seed: how many platforms, who peers with whom, what befalls them, and whether they kept their promises. */
export function simulate(seed: number, rules: Rules = RULES): Outcome {
  const draw = new Draw(seed)
  const timeline = new Timeline()
  const platforms = new Map<string, SimPlatform>()
  const net = new Net(timeline, draw)
  const spare = new Draw(seed ^ 0x5eed)
  const world: World = { timeline, net, draw, spare, rules, platforms, witness: undefined as unknown as Witness } // the next line
  const judge = (world.witness = new Judge(world))
  populate(world)
  const calmMs = draw.whole(20, 150) * MIN
  const storms = planStorms(draw, { calmMs, most: draw.oneOf([2, 5, 9]) })
  letLoose(world, storms, draw)
  complicate(world, calmMs)
  for (const platform of platforms.values()) platform.start()
  const recoversMs = RECOVERS_MS + Math.max(...TIMERS.map(({ heartbeatIntervalMs }) => heartbeatIntervalMs))
  const lived = timeline.run(calmMs + recoversMs, () => judge.violations.length < ENOUGH)
  if (lived) judge.judgeEnd()
  return { seed, platforms: platforms.size, storms, violations: judge.violations, counts: judge.counts }
}

function populate(world: World): void {
  const { draw, platforms } = world
  const count = draw.happens(0.85) ? draw.whole(2, 5) : draw.happens(0.85) ? draw.whole(6, 14) : draw.whole(15, 50)
  const settings = { ...DEFAULTS, patience: draw.oneOf([1, 1, 1, 0, 2]), budgetPerHour: draw.oneOf([0, 0, 1, 3]) }
  for (let at = 0; at < count; at++) {
    const name = `p${at}`
    const wallOffsetMs = draw.happens(0.1) ? draw.whole(-10 * MIN, 10 * MIN) : draw.whole(-500, 500)
    platforms.set(name, new SimPlatform(world, { name, wallOffsetMs, settings }))
  }
  const all = [...platforms.values()]
  const star = draw.happens(0.3)
  for (const [at, a] of all.entries()) {
    for (const [other, b] of all.entries()) {
      const isNear = other - at <= 2 || (at === 0 && other === count - 1)
      const peers = count <= 5 || (star ? at === 0 : isNear)
      if (at < other && peers) befriend(draw, a, b)
    }
  }
}

function befriend(draw: Draw, a: SimPlatform, b: SimPlatform): void {
  const timers = draw.oneOf(TIMERS)
  a.peerings.set(b.name, newPeering({ peerId: draw.uuid(), us: a.name, them: b.name, timers }))
  b.peerings.set(a.name, newPeering({ peerId: draw.uuid(), us: b.name, them: a.name, timers }))
}
