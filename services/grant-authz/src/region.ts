import { Refusal } from '@powernode/rpc'

/** A place, and the larger one it lies in: eu-west-1 in eu-west in eu. Names are compared byte by byte. */
export type Region = { readonly name: string; readonly parent: string | undefined }

/** Every region of this platform, by its name. */
export type Regions = ReadonlyMap<string, Region>

export function regionsFrom(all: readonly Region[]): Regions {
  return new Map(all.map((region) => [region.name, region]))
}

/** Refuses a name that is none of ours, with those that it may have been meant to be. MUST come before one is stored. */
export function requireRegion(regions: Regions, name: string): Region {
  const region = regions.get(name)
  if (region) return region
  const meant = nearest([...regions.keys()], name)
  throw new Refusal('REGION_UNKNOWN', `there is no region ${JSON.stringify(name)} here`, {
    metadata: { region: name, nearest: meant.join(',') },
    next:
      meant.length > 0
        ? `did you mean ${meant.join(', ')}? All of them: fedctl residency rules`
        : `fedctl residency region set ${name} makes it known`,
  })
}

/** Whether a place is, or lies in, another. What is not known lies nowhere. */
export function liesIn(regions: Regions, name: string, place: string): boolean {
  return regions.has(place) && upwards(regions, name).includes(place)
}

/** Refuses a larger region that there is not, and one that lies in this very region. */
export function checkParent(regions: Regions, { name, parent }: Region): void {
  if (parent === undefined) return
  if (parent !== name) requireRegion(regions, parent)
  const above = upwards(regions, parent)
  if (parent !== name && !above.includes(name)) return
  const way = [name, ...above.slice(0, above.indexOf(name) + 1)].join(' in ')
  throw new Refusal('REGION_CYCLE', `${name} would lie in itself: ${parent === name ? `${name} in ${name}` : way}`, {
    metadata: { region: name, parent },
  })
}

/** The region and all it lies in, from the inside out. */
function upwards(regions: Regions, name: string): string[] {
  const way: string[] = []
  for (let at = regions.get(name); at && !way.includes(at.name); at = regions.get(at.parent ?? '')) way.push(at.name)
  return way
}

const SUGGESTED = 3

/** The names that are most like what was said, the likeliest first; none when nothing is. */
export function nearest(names: readonly string[], said: string): string[] {
  const plain = said.toLowerCase().replaceAll(/[\s_.]+/g, '-')
  const bound = Math.max(1, Math.floor(plain.length / 3))
  return names
    .map((name) => ({ name, steps: stepsBetween(plain, name) }))
    .filter(({ steps }) => steps <= bound)
    .toSorted((a, b) => a.steps - b.steps || (a.name < b.name ? -1 : 1))
    .slice(0, SUGGESTED)
    .map(({ name }) => name)
}

/** How many letters have to be changed, added, left out or exchanged with their neighbour (Damerau, Levenshtein). */
function stepsBetween(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  const at = (i: number, j: number): number => rows[i]?.[j] ?? Number.POSITIVE_INFINITY
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    rows.push(row)
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      const exchanged = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row[j] = Math.min(
        at(i - 1, j) + 1,
        at(i, j - 1) + 1,
        at(i - 1, j - 1) + same,
        exchanged ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY,
      )
    }
  }
  return at(a.length, b.length)
}
