/** How two platform versions stand to each other. */
export const VERSION_STATUSES = ['compatible', 'degraded', 'incompatible'] as const
export type VersionStatus = (typeof VERSION_STATUSES)[number]

/** What somebody said of a pair of versions. */
export type VersionRule = {
  readonly id: string
  /** A version, or the beginning of one that stands for all that begin so: "2", "2.1", "2.1.3". */
  readonly localVersion: string
  readonly remoteVersion: string
  readonly status: VersionStatus
  /** An operator's rule goes before one that came with the release. */
  readonly source: 'operator' | 'default'
  /** degraded: the kinds of resources that are refused; empty: all that writes. */
  readonly refusedKinds: readonly string[]
  readonly notes: string
  readonly setBy: string
  readonly setAt: Date
}

/** What holds for a pair, and who said so. */
export type Verdict = {
  readonly status: VersionStatus
  readonly source: VersionRule['source'] | 'implicit'
  readonly notes: string
  readonly refusedKinds: readonly string[]
}

/**
 * How we stand with a platform of another version: an operator's rule, else a default one, else N-1 (the same major, and
 * minors at most one apart; the patch does not count). Of several rules that fit, the more specific one.
 *
 * Total: what is no version is incompatible with everything, whatever rules there are, and never taken for some other one.
 */
export function resolve(rules: readonly VersionRule[], local: string, remote: string): Verdict {
  if (remote.trim() === '') return implicit('incompatible', "remote peer didn't report a platform_version")
  const theirs = partsOf(remote)
  if (!theirs) return implicit('incompatible', `remote peer's platform_version is no version: ${remote.slice(0, 64)}`)
  if (local === '') return implicit('incompatible', 'nobody has said of which version we are')
  const ours = partsOf(local)
  if (!ours) return implicit('incompatible', `our own platform_version is no version: ${local.slice(0, 64)}`)
  const [rule] = rules
    .filter(({ localVersion, remoteVersion }) => begins(ours, localVersion) && begins(theirs, remoteVersion))
    .toSorted((one, other) => weightOf(other) - weightOf(one))
  if (!rule) return nMinusOne(ours, theirs)
  const { status, source, notes, refusedKinds } = rule
  return { status, source, notes, refusedKinds: status === 'degraded' ? refusedKinds : [] }
}

/** The numbers of a version: major, minor, patch. What follows after - or + does not count; fewer than two numbers are no version. */
export function partsOf(version: string): Parts | undefined {
  const [, major, minor, patch = '0'] = VERSION.exec(version.trim()) ?? []
  return major === undefined || minor === undefined ? undefined : [Number(major), Number(minor), Number(patch)]
}

export type Parts = readonly [major: number, minor: number, patch: number]

/** The later of several versions; undefined when none of them is one. */
export function latestOf(versions: readonly string[]): string | undefined {
  const later = (one: string, other: string): number => {
    const [ours, theirs] = [partsOf(one) ?? NONE, partsOf(other) ?? NONE]
    const at = ours.findIndex((part, place) => part !== theirs[place])
    return at < 0 ? 0 : (theirs[at] ?? 0) - (ours[at] ?? 0)
  }
  return versions.filter((version) => partsOf(version)).toSorted(later)[0]
}
const NONE: Parts = [0, 0, 0]

const VERSION = /^v?(\d{1,5})\.(\d{1,5})(?:\.(\d{1,5}))?(?:[-+][0-9A-Za-z.+-]{0,64})?$/

function nMinusOne([major, minor]: Parts, [theirMajor, theirMinor]: Parts): Verdict {
  if (major !== theirMajor) return implicit('incompatible', `major versions differ: ${major} here, ${theirMajor} there`)
  const apart = Math.abs(minor - theirMinor)
  if (apart <= 1) return implicit('compatible', apart === 0 ? 'the same minor version' : 'minor versions are one apart')
  return implicit('incompatible', `minor versions are ${apart} apart, and one is the most`)
}

const implicit = (status: VersionStatus, notes: string): Verdict => ({
  status,
  source: 'implicit',
  notes,
  refusedKinds: [],
})

const numbersOf = (version: string): number[] => version.split('.').map(Number)

const begins = (parts: Parts, beginning: string): boolean =>
  numbersOf(beginning).every((number, at) => parts[at] === number)

/** Operators before the release; then whoever names more of the two versions, and of ours first. */
function weightOf({ source, localVersion, remoteVersion }: VersionRule): number {
  const [ours, theirs] = [numbersOf(localVersion).length, numbersOf(remoteVersion).length]
  return (source === 'operator' ? 100 : 0) + 10 * (ours + theirs) + ours
}

/** How bad it is: what is worse is greater. */
export const severityOf = (status: VersionStatus | ''): number => (status === '' ? 0 : VERSION_STATUSES.indexOf(status))
