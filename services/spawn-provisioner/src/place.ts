import { Refusal } from '@powernode/rpc'
import type { InstanceType, ProviderRecord, Region, Template } from './records.ts'

export type Offered = {
  readonly provider: ProviderRecord
  readonly regions: readonly Region[]
  readonly types: readonly InstanceType[]
}

/** Where a child is made, and how large. */
export type Place = { readonly provider: ProviderRecord; readonly region: Region; readonly type: InstanceType }

export type Named = {
  /** Id or name; empty: the provider's only one. */
  readonly region: string
  /** Id or name; empty: the smallest of the provider. `types` MUST be sorted so. */
  readonly type: string
  readonly template: Template
}

/**
 * Finds what was named among what there is. What is ambiguous is refused: a child is never made where nobody said.
 *
 * The provider is the region's; else the type's; else the one that the template names (`provider`); else the only one.
 */
export function placeOf(offers: readonly Offered[], named: Named): Place {
  if (offers.length === 0)
    throw new Refusal('PROVIDER_NOT_FOUND', 'there is no provider that could make an instance', {
      next: 'fedctl provider create',
    })
  const { provider, regions, types } = chosen(offers, named)
  const region = named.region === '' ? onlyOf(regions, provider) : regions.find(is(named.region))
  if (!region) throw noRegion(named.region, provider.name)
  const type = named.type === '' ? types[0] : types.find(is(named.type))
  if (!type) throw noType(named.type, provider.name)
  return { provider, region, type }
}

function chosen(offers: readonly Offered[], { region, type, template }: Named): Offered {
  const wanted = template.spec['provider']
  const fitting = offers
    .filter(({ provider }) => typeof wanted !== 'string' || is(wanted)(provider))
    .filter(({ regions }) => region === '' || regions.some(is(region)))
  if (fitting.length === 0 && region !== '') throw noRegion(region)
  if (fitting.length === 0)
    throw new Refusal('PROVIDER_NOT_FOUND', `the template ${template.name} is for a provider that there is not`, {
      next: 'fedctl provider list',
    })
  const having = fitting.filter(({ types }) => type === '' || types.some(is(type)))
  const [offer, ...others] = having
  if (!offer) throw noType(type)
  if (others.length > 0)
    throw new Refusal(
      'PROVIDER_REGION_NOT_FOUND',
      `${having.map(({ provider }) => provider.name).join(' and ')} fit: name a region by its id`,
      { next: 'fedctl provider list' },
    )
  return offer
}

const is =
  (named: string) =>
  ({ id, name }: { readonly id: string; readonly name: string }): boolean =>
    id === named || name === named

function onlyOf(regions: readonly Region[], { name }: ProviderRecord): Region {
  const [region, ...others] = regions
  if (region && others.length === 0) return region
  throw new Refusal(
    'PROVIDER_REGION_NOT_FOUND',
    region ? `${name} has several regions: name one` : `${name} has no region`,
    { next: 'fedctl provider list' },
  )
}

const noRegion = (named: string, provider?: string): Refusal =>
  new Refusal('PROVIDER_REGION_NOT_FOUND', noneOf('region', named, provider), { next: 'fedctl provider list' })

const noType = (named: string, provider?: string): Refusal =>
  new Refusal('INSTANCE_TYPE_NOT_FOUND', noneOf('instance type', named, provider), { next: 'fedctl provider list' })

const noneOf = (what: string, named: string, provider?: string): string =>
  provider === undefined
    ? `no provider's ${what} is ${named}`
    : `${provider} has no ${named === '' ? what : `${what} ${named}`}`
