/** Whether a version is older than another, by as many numbers as both have. Of what is no version, nothing is older. */
export function isBehind(version: string, other: string): boolean {
  const [ours, theirs] = [numbersOf(version), numbersOf(other)]
  for (let at = 0; at < Math.min(ours.length, theirs.length); at++) {
    const apart = (ours[at] ?? 0) - (theirs[at] ?? 0)
    if (apart !== 0) return apart < 0
  }
  return false
}

/** Whether a release is called by another version than the one it states: v1.4.2 and 1.4.2 are one. */
export function contradicts(version: string, releaseTag: string): boolean {
  const [stated, called] = [plain(version), plain(releaseTag)]
  if (!/^\d+(\.\d+)+/.test(stated) || !/^\d+(\.\d+)+/.test(called)) return false // a release may have a name
  return stated !== called
}

const plain = (text: string): string => text.trim().replace(/^v/i, '').replace(/\+.*$/, '')

const numbersOf = (version: string): readonly number[] =>
  (/^v?(\d+(?:\.\d+)*)/.exec(version)?.[1] ?? '').split('.').filter(Boolean).map(Number)
