import { restore } from './backup.ts'
import type { Draw } from './draw.ts'
import { fairLink, type Link } from './net.ts'
import type { Peering } from './peering.ts'
import { PARTS, type SimPlatform, type World } from './platform.ts'

const MIN = 60_000

/** One misfortune: what it does, and how it ends. */
type Misfortune = (world: World, draw: Draw) => () => void

/** What may befall a world. Each that concerns a peering MUST mark both its sides as troubled, or the judge takes it for well. */
const MISFORTUNES: Readonly<Record<string, Misfortune>> = {
  partition: (world, draw) => {
    const [a, b] = somePair(world, draw)
    return both(bend(world, a, b, { cut: true }), bend(world, b, a, { cut: true }))
  },
  oneWay: (world, draw) => bend(world, ...somePair(world, draw), { cut: true }),
  lostAnswers: (world, draw) => bend(world, ...somePair(world, draw), { losesAnswers: true }),
  loss: (world, draw) => bend(world, ...somePair(world, draw), { loss: draw.oneOf([0.05, 0.3, 0.9]) }),
  doubles: (world, draw) => bend(world, ...somePair(world, draw), { duplicates: 0.5 }),
  slowness: (world, draw) => bend(world, ...somePair(world, draw), { slowestMs: draw.oneOf([3_000, 30_000]) }),
  lossEverywhere: (world, draw) => {
    const loss = draw.oneOf([0.02, 0.2])
    return both(...pairsOf(world).flatMap(([a, b]) => [bend(world, a, b, { loss, duplicates: 0.1 })]))
  },
  /** The uplink of one fails: everybody else is silent at once. */
  isolation: (world, draw) => {
    const one = somebody(world, draw)
    const pairs = pairsOf(world).filter(([a, b]) => a === one || b === one)
    return both(...pairs.map(([a, b]) => bend(world, a, b, { cut: true })))
  },
  /** Seven of ten are gone at once. */
  catastrophe: (world, draw) => {
    const gone = [...world.platforms.values()].filter(() => draw.happens(0.7))
    return both(...gone.map((one) => fail(world, one, 'machine')))
  },
  failure: (world, draw) => fail(world, somebody(world, draw), draw.oneOf(PARTS)),
  liveness: (world, draw) => fail(world, somebody(world, draw), 'liveness'),
  stalledDatabase: (world, draw) => fail(world, somebody(world, draw), 'database'),
  clock: (world, draw) => {
    const one = somebody(world, draw)
    const ms = draw.oneOf([-1, 1]) * draw.oneOf([1_000, 8_000, 15_000, 5 * MIN, 60 * MIN])
    one.jump(ms)
    return draw.happens(0.5) ? () => one.jump(-ms) : () => {}
  },
  restoredBackup: (world, draw) => {
    const one = somebody(world, draw)
    const mend = fail(world, one, 'liveness')
    return () => {
      const backup = draw.oneOf(one.backups)
      const { spare } = world
      // As often as it had lived since, and more: its epoch is none that its peers could wonder at.
      const starts = spare.happens(0.3) ? spare.whole(0, 1) : Number(one.epoch - backup.epoch) + spare.whole(0, 3)
      if (!one.works('liveness')) restore(one, backup, starts)
      mend()
    }
  },
  operator: (world, draw) => {
    const one = somebody(world, draw)
    one.mode = draw.oneOf(['observing', 'paused'] as const)
    return () => void (one.mode = 'acting')
  },
}

export type Storm = { readonly name: string; readonly atMs: number; readonly untilMs: number }

/** The misfortunes of a world, planned from its seed, all over by `calmMs`. */
export function planStorms(draw: Draw, { calmMs, most }: { calmMs: number; most: number }): readonly Storm[] {
  return Array.from({ length: draw.whole(1, most) }, () => {
    const atMs = draw.whole(0, calmMs - 1)
    const lastsMs = draw.oneOf([5_000, 40_000, 4 * MIN, 6 * MIN, 12 * MIN, 25 * MIN, 60 * MIN])
    return { name: draw.oneOf(Object.keys(MISFORTUNES)), atMs, untilMs: Math.min(calmMs, atMs + lastsMs) }
  })
}

export function letLoose(world: World, storms: readonly Storm[], draw: Draw): void {
  for (const { name, atMs, untilMs } of storms) {
    world.timeline.at(atMs, () => {
      const end = MISFORTUNES[name]!(world, draw)
      world.timeline.at(untilMs, end)
    })
  }
}

/** What is no misfortune, and was added later: certificates that end, people who are asked, replicas of liveness that take turns. */
export function complicate({ platforms, timeline, spare }: World, calmMs: number): void {
  for (const one of platforms.values()) {
    one.backUpEvery(BACKUP_MS)
    if (spare.happens(0.2)) one.verb = 'require_approval'
    const moves = spare.happens(0.3) ? spare.whole(1, 8) : 0
    for (let move = 0; move < moves; move += 1) timeline.at(spare.whole(0, calmMs), () => one.moveLeader())
    for (const peering of one.peerings.values()) if (spare.happens(0.2)) certify(one, peering, calmMs)
  }
}

const BACKUP_MS = 7 * MIN

/** A certificate of an hour or so, renewed in time, too late, or not at all. */
function certify(one: SimPlatform, peering: Peering, calmMs: number): void {
  const { spare, timeline } = one.world
  const lifeMs = spare.whole(20, 150) * MIN
  const issue = (serial: number) => {
    const [from, sort] = [one.now().getTime(), spare.oneOf(['leaf', 'root'])]
    return { certificate: `${sort} ${serial}`, notBefore: new Date(from), notAfter: new Date(from + lifeMs) }
  }
  peering.certificates = [issue(1)]
  if (spare.happens(0.7)) timeline.at(spare.whole(0, calmMs), () => (peering.certificates = [...peering.certificates, issue(2)])) // prettier-ignore
}

/** Makes a link worse; the answer gives it back what it was, unless another misfortune has it by then. */
function bend(world: World, from: SimPlatform, to: SimPlatform, how: Partial<Link>): () => void {
  const link = world.net.link(from.name, to.name)
  const calm = trouble(from.peerings.get(to.name), to.peerings.get(from.name))
  Object.assign(link, how)
  return () => {
    for (const key of Object.keys(how)) Object.assign(link, { [key]: fairLink()[key as keyof Link] })
    calm(world)
  }
}

function fail(world: World, one: SimPlatform, part: (typeof PARTS)[number]): () => void {
  const theirs = [...one.peerings.values()].map(({ them }) => world.platforms.get(them)!.peerings.get(one.name))
  const calm = trouble(...theirs)
  const mend = one.break(part)
  return () => {
    mend()
    calm(world)
  }
}

function trouble(...peerings: readonly (Peering | undefined)[]): (world: World) => void {
  for (const peering of peerings) if (peering) peering.troubles += 1
  return ({ timeline }) => {
    for (const peering of peerings) {
      if (!peering) continue
      peering.troubles -= 1
      peering.troubledMs = timeline.nowMs
    }
  }
}

const both =
  (...ends: readonly (() => void)[]) =>
  () => {
    for (const end of ends) end()
  }
const somebody = ({ platforms }: World, draw: Draw): SimPlatform => draw.oneOf([...platforms.values()])
const pairsOf = ({ platforms }: World): readonly (readonly [SimPlatform, SimPlatform])[] =>
  [...platforms.values()].flatMap((one) => [...one.peerings.keys()].map((name) => [one, platforms.get(name)!] as const))
const somePair = (world: World, draw: Draw): readonly [SimPlatform, SimPlatform] => draw.oneOf(pairsOf(world))
