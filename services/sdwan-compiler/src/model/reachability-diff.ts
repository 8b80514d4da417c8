import { type ChangedRule, changedRules } from './changed-rules.ts'
import { type PlaceClass, classesOf } from './classes.ts'
import { converse } from './converse.ts'
import { explainPlaces } from './explain.ts'
import { watchersOf } from './kinds.ts'
import type { Model } from './model.ts'
import type { Place } from './place.ts'
import { type Service, ServiceFinder } from './services.ts'

export type ReachabilityChange = {
  readonly src: string
  readonly dst: string
  /** `tcp/443`, `udp/other`, `icmp6`, or `any`. */
  readonly service: string
  readonly reason: string
}

export type ReachabilityDiff = {
  readonly gained: readonly ReachabilityChange[]
  readonly lost: readonly ReachabilityChange[]
  readonly gainedTotal: number
  readonly lostTotal: number
  /** False: there were more than could be asked about in the time that a write may take, and the totals are the least there are. */
  readonly exact: boolean
}

/** So many of each are named. */
const MOST_NAMED = 200
/** Up to so many members everything is asked, however long it takes. */
const EXACT_UP_TO = 200
/** Of more, so many conversations: some 100 ms. */
const MOST_CONVERSATIONS = 4_000

/**
 * Which pairs could not reach each other and now can, and the other way, by service. Places that no artifact tells apart are
 * asked once for all of them; and of pairs only those that the change can have touched: one of them is another kind than before,
 * a rule that came or went means both, or something changed that carries everybody.
 */
export function reachabilityDiff(before: Model | undefined, after: Model): ReachabilityDiff {
  return new Comparison(before, after).result()
}

type Direction = { readonly named: ReachabilityChange[]; total: number }

class Comparison {
  readonly #before: Model | undefined
  readonly #after: Model
  readonly #services: ServiceFinder
  readonly #gained: Direction = { named: [], total: 0 }
  readonly #lost: Direction = { named: [], total: 0 }
  #left: number
  #exact = true

  constructor(before: Model | undefined, after: Model) {
    this.#before = before
    this.#after = after
    this.#services = new ServiceFinder(before ? [before, after] : [after])
    const members = Math.max(before?.members.size ?? 0, after.members.size)
    this.#left = members <= EXACT_UP_TO ? Number.POSITIVE_INFINITY : MOST_CONVERSATIONS
  }

  result(): ReachabilityDiff {
    const classes = classesOf(this.#before, this.#after)
    for (const [src, dst] of this.#suspects(classes)) {
      if (this.#left <= 0) {
        this.#exact = false
        break
      }
      this.#compare(src, dst)
    }
    const [gained, lost] = [this.#gained, this.#lost]
    return {
      gained: gained.named,
      lost: lost.named,
      gainedTotal: gained.total,
      lostTotal: lost.total,
      exact: this.#exact,
    }
  }

  /** Pairs of classes that the change can have touched, those first of which one is another kind than before. */
  *#suspects(classes: readonly PlaceClass[]): Generator<[PlaceClass, PlaceClass]> {
    const changed = classes.filter((each) => each.changed)
    const same = classes.filter((each) => !each.changed)
    for (const one of changed) for (const other of changed) yield [one, other]
    for (const one of changed) {
      for (const other of same) {
        yield [one, other]
        yield [other, one]
      }
    }
    const rules = this.#changedRules()
    if (rules !== 'everything' && rules.length === 0) return
    for (const src of same) {
      for (const dst of same) if (rules === 'everything' || isMeant(rules, src, dst)) yield [src, dst]
    }
  }

  #changedRules(): readonly ChangedRule[] | 'everything' {
    if (!this.#before) return []
    const models = [this.#before, this.#after]
    const watchers = models.flatMap((model) => model.compiled.world.networks.flatMap(({ id }) => watchersOf(model, id)))
    const once = new Map(watchers.map((node) => [node.id, node]))
    return changedRules(this.#before, this.#after, [...once.values()])
  }

  #compare(src: PlaceClass, dst: PlaceClass): void {
    const [one] = src.some
    const other = src === dst ? dst.some[1] : dst.some[0]
    if (!one || !other) return
    const services = this.#services.between([one.before, one.after], [other.before, other.after])
    const changes = services.map((service) => {
      const was = this.#works(this.#before, [one.before, other.before], service)
      const is = this.#works(this.#after, [one.after, other.after], service)
      return { service, gained: is && !was, lost: was && !is }
    })
    const pairs = src === dst ? src.names.length * (src.names.length - 1) : src.names.length * dst.names.length
    for (const [direction, name] of [
      [this.#gained, 'gained'],
      [this.#lost, 'lost'],
    ] as const) {
      const hit = changes.filter((change) => change[name]).map(({ service }) => service)
      const all = hit.length === services.length
      direction.total += (all ? 1 : hit.length) * pairs
      const [model, places] =
        name === 'gained' || !one.after || !other.after
          ? [this.#model(name), place(name, one, other)]
          : [this.#after, [one.after, other.after] as const]
      for (const service of all ? hit.slice(0, 1) : hit) {
        if (direction.named.length >= MOST_NAMED) break
        this.#name(direction, {
          src,
          dst,
          service: all ? 'any' : service.name,
          reason: reasonOf(model, places, service),
        })
      }
    }
  }

  #model(name: 'gained' | 'lost'): Model {
    return name === 'lost' && this.#before ? this.#before : this.#after
  }

  #works(
    model: Model | undefined,
    [src, dst]: readonly [Place | undefined, Place | undefined],
    service: Service,
  ): boolean {
    if (!model || !src || !dst) return false
    this.#left -= 1
    return converse(model, src, dst.ip, service).works
  }

  #name(
    direction: Direction,
    { src, dst, service, reason }: { src: PlaceClass; dst: PlaceClass; service: string; reason: string },
  ): void {
    for (const from of src.names) {
      for (const to of dst.names) {
        if (direction.named.length >= MOST_NAMED) return
        if (from !== to || src !== dst) direction.named.push({ src: from, dst: to, service, reason })
      }
    }
  }
}

type Some = PlaceClass['some'][number]

function place(name: 'gained' | 'lost', one: Some, other: Some): readonly [Place | undefined, Place | undefined] {
  return name === 'gained' ? [one.after, other.after] : [one.before, other.before]
}

function reasonOf(model: Model, [src, dst]: readonly [Place | undefined, Place | undefined], service: Service): string {
  if (!src || !dst) return 'one of them is not there'
  return explainPlaces(model, { src, dst, protocol: service.protocol, port: service.port }).verdict
}

function isMeant(rules: readonly ChangedRule[], src: PlaceClass, dst: PlaceClass): boolean {
  const [one, other] = [src.some[0], dst.some.at(-1)]
  const [from, to] = [one?.after ?? one?.before, other?.after ?? other?.before]
  return from !== undefined && to !== undefined && rules.some((rule) => rule.means(from.ip, to.ip))
}
