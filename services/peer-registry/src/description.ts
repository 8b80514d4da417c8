/** Where an endpoint can be reached from. */
export type Scope = 'lan' | 'sdwan' | 'wan'

/** One address of a platform's federation-gateway; small priorities are tried first. */
export type Endpoint = {
  readonly url: string
  readonly scope: Scope
  readonly priority: number
  readonly cidrHint: string
}

/** Who stands behind a platform (social contract, commitment 1). */
export type Disclosure = {
  readonly contact: string
  readonly jurisdiction: string
  readonly platformVersion: string
  readonly releaseTag: string
}

export const NOTHING_DISCLOSED: Disclosure = { contact: '', jurisdiction: '', platformVersion: '', releaseTag: '' }

/** What a platform says of itself, at accept and whenever it changes. */
export type Description = {
  readonly disclosure: Disclosure
  readonly endpoints: readonly Endpoint[]
  readonly capabilities: Readonly<Record<string, unknown>>
  readonly extensionSlugs: readonly string[]
  readonly prefixAdvertisement: string
  readonly dataResidency: string
}

export const NOTHING_SAID: Description = {
  disclosure: NOTHING_DISCLOSED,
  endpoints: [],
  capabilities: {},
  extensionSlugs: [],
  prefixAdvertisement: '',
  dataResidency: '',
}

/** The parts that differ, by their names on the wire: what a `changed` event lists. */
export function changedParts(before: Description, after: Description): readonly string[] {
  const parts: [string, unknown, unknown][] = [
    ['disclosure', before.disclosure, after.disclosure],
    ['endpoints', before.endpoints, after.endpoints],
    ['capabilities', before.capabilities, after.capabilities],
    ['extension_slugs', before.extensionSlugs, after.extensionSlugs],
    ['prefix_advertisement', before.prefixAdvertisement, after.prefixAdvertisement],
    ['data_residency', before.dataResidency, after.dataResidency],
  ]
  return parts.filter(([, was, is]) => canonical(was) !== canonical(is)).map(([part]) => part)
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    part && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  )
}
