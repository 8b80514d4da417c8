import { partsOf, resolve, severityOf, type Verdict, type VersionStatus } from './version.ts'
import { sameStance, stanceOf, type Rulebook } from './version-stance.ts'
import type { Peer } from './peer.ts'

/** A peer as versions see it. */
export type Versioned = Pick<Peer, 'id' | 'name' | 'kind' | 'enrolledAt'> & { readonly platformVersion: string }

/** How a peer would stand, and how it stands. */
export type VersionChange = {
  readonly peer: Versioned
  readonly local: string
  readonly before: VersionStatus | ''
  readonly refusedBefore: readonly string[]
  readonly after: VersionStatus | ''
  readonly verdict: Verdict
}

/** How a peer stands, as a change to nothing else. */
export function asItIs(book: Rulebook, peer: Versioned): VersionChange {
  const { versionStatus: status, refusedKinds: refusedBefore } = stanceOf(book, peer)
  return { peer, local: book.local, before: status, refusedBefore, after: status, verdict: verdictOf(book, peer) }
}

/** The peers that stand otherwise by one rulebook than by another, the worst first. */
export function changedBy(before: Rulebook, after: Rulebook, peers: readonly Versioned[]): VersionChange[] {
  return peers
    .filter((peer) => !sameStance(stanceOf(before, peer), stanceOf(after, peer)))
    .map((peer) => asItWas(before, asItIs(after, peer)))
    .toSorted((one, other) => severityOf(other.after) - severityOf(one.after))
}

/** How a peer stands by one rulebook, as a change from another. */
function asItWas(before: Rulebook, change: VersionChange): VersionChange {
  const { versionStatus, refusedKinds } = stanceOf(before, change.peer)
  return { ...change, before: versionStatus, refusedBefore: refusedKinds }
}

/** Who loses something: is cut off, or refused what it was not. */
export const worseOff = (changed: readonly VersionChange[]): VersionChange[] =>
  changed.filter((change) => isWorse(change) || isRefusedMore(change))

/** No kinds named stands for all that writes, and what is named is refused to readers too: neither holds the other. */
function isRefusedMore({ before, after, refusedBefore, verdict: { refusedKinds } }: VersionChange): boolean {
  if (before !== 'degraded' || after !== 'degraded') return false
  if (refusedBefore.length === 0 || refusedKinds.length === 0) return refusedBefore.length !== refusedKinds.length
  return refusedKinds.some((kind) => !refusedBefore.includes(kind))
}

/** What an upgrade would do to our peerings. */
export type Simulated = {
  /** Who would stand otherwise, or would stand badly: the worst first. */
  readonly shown: readonly VersionChange[]
  readonly worse: number
  readonly better: number
  readonly unchanged: number
  readonly advice: readonly string[]
}

/** "Can I upgrade?": how every peer would stand if we were of another version, by the same rules. */
export function simulate(book: Rulebook, version: string, peers: readonly Versioned[]): Simulated {
  const then = { ...book, local: version }
  const changes = peers.map((peer) => asItWas(book, asItIs(then, peer)))
  const lost = changes.filter(isWorse)
  const better = changes.filter(({ before, after }) => severityOf(after) < severityOf(before)).length
  return {
    shown: changes
      .filter(({ before, after }) => before !== after || severityOf(after) > 0)
      .toSorted((one, other) => Number(isWorse(other)) - Number(isWorse(one)) || severityOf(other.after) - severityOf(one.after)), // prettier-ignore
    worse: lost.length,
    better,
    unchanged: changes.length - lost.length - better,
    advice: lost.length === 0 ? [SAFE] : [...group(lost), ...wayThere(book, version, peers), ...byRule(version, lost)],
  }
}

const SAFE = 'no peer would be lost or lessened: go ahead'

const isWorse = ({ before, after }: VersionChange): boolean => severityOf(after) > severityOf(before)

const verdictOf = ({ rules, local }: Rulebook, { platformVersion }: Versioned): Verdict =>
  resolve(rules, local, platformVersion)

/** A sentence for each version of theirs. */
function group(lost: readonly VersionChange[]): string[] {
  return [...Map.groupBy(lost, ({ peer, after }) => `${after} ${peer.platformVersion}`).values()].map((some) => {
    const [{ peer, after, verdict }] = some as [VersionChange]
    return `${some.length} of version ${peer.platformVersion || 'not said'} would be ${after} (${named(some)}): ${verdict.notes || `a rule of source ${verdict.source}`}`
  })
}

function named(some: readonly VersionChange[]): string {
  const names = some.slice(0, MOST_NAMES).map(({ peer }) => peer.name || peer.id)
  return some.length > MOST_NAMES ? `${names.join(', ')} and ${some.length - MOST_NAMES} more` : names.join(', ')
}
const MOST_NAMES = 5

/** In which order to upgrade, so that nobody is lost on the way: as far as we can go now, then they, then we. */
function wayThere(book: Rulebook, version: string, peers: readonly Versioned[]): string[] {
  const [from, to] = [partsOf(book.local), partsOf(version)]
  if (!from || !to) return []
  const [major, minor] = to
  const isBack = major < from[0] || (major === from[0] && minor < from[1])
  const enough = isBack ? `${major}.${minor + 1} or earlier` : `${major}.${Math.max(0, minor - 1)} or later`
  if (from[0] !== major)
    return [`they have to be of ${enough} first, or both sides ${isBack ? 'go back' : 'upgrade'} at once`]
  const way = Math.sign(minor - from[1])
  const apart = Math.min(Math.max(0, Math.abs(minor - from[1]) - 1), FARTHEST_HALT)
  const halts = Array.from({ length: apart }, (_, at) => from[1] + way * (apart - at))
  const halt = halts.find((one) => !peers.some((peer) => isWorse(asItWas(book, asItIs({ ...book, local: `${major}.${one}.0` }, peer))))) // prettier-ignore
  const first = halt === undefined ? '' : `go to ${major}.${halt} first, where nobody is lost; `
  return [`${first}have them go to ${enough}; then go to ${version}`]
}

/** Minors away that a halt is looked for: who is that far behind has more than one step to go, and every peer is looked at for each. */
const FARTHEST_HALT = 16

/** The way for those who know better. */
function byRule(version: string, lost: readonly VersionChange[]): string[] {
  const theirs = new Set(lost.flatMap(({ peer }) => partsOf(peer.platformVersion)?.slice(0, 2).join('.') ?? []))
  const ours = partsOf(version)?.slice(0, 2).join('.') ?? version
  return [...theirs].map(
    (one) => `if you know that they work together: fedctl version set ${ours} ${one} compatible, here and there`,
  )
}
