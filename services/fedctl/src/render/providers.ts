import type { InstanceType, Provider, Region, Template } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import type { Canvas } from '../output.ts'
import { size } from './size.ts'
import { table } from './table.ts'
import { age } from './time.ts'
import { what } from './what.ts'

export function templateTable(templates: readonly Template[], { now, to, width, paste }: Canvas): string {
  if (templates.length === 0) return `no templates; make one: ${to.bold(paste('fedctl template create <name>'))}`
  return table(
    templates,
    [
      { title: 'TEMPLATE', text: ({ name }) => name },
      {
        title: 'STATUS',
        text: ({ retiredAt }) => (retiredAt ? 'retired' : 'in use'),
        colour: ({ retiredAt }) => (retiredAt ? to.dim : to.good),
      },
      { title: 'MADE', text: ({ createdAt }) => `${age(createdAt, now)} ago` },
      { title: 'DESCRIPTION', text: ({ description }) => description || '-' },
      { title: 'SPEC', text: ({ spec }) => what(spec) },
    ],
    to,
    width,
  )
}

/** A provider, and the places and sizes it offers. */
export type Offer = {
  readonly provider: Provider
  readonly regions: readonly Region[]
  readonly instanceTypes: readonly InstanceType[]
}

export function providerTable(offers: readonly Offer[], { to, width, paste }: Canvas): string {
  if (offers.length === 0)
    return `no providers; name one: ${to.bold(paste('fedctl provider create <name> --kind process'))}`
  return table(
    offers,
    [
      { title: 'PROVIDER', text: ({ provider }) => provider.name },
      { title: 'KIND', text: ({ provider }) => provider.kind },
      {
        title: 'STATUS',
        text: ({ provider }) => provider.status,
        colour: ({ provider }) => (provider.status === 'ready' ? to.good : to.bad),
      },
      { title: 'REGIONS', text: ({ regions }) => regions.map(regionText).join(' ') || '-' },
      { title: 'TYPES', text: ({ instanceTypes }) => instanceTypes.map(typeText).join(', ') || '-' },
    ],
    to,
    width,
  )
}

const regionText = ({ name, residency }: Region): string => (residency ? `${name}=${residency}` : name)

function typeText({ name, cpus, memoryBytes, diskBytes }: InstanceType): string {
  return `${name} (${cpus} cpu, ${size(memoryBytes)}${diskBytes > 0n ? `, ${size(diskBytes)} disk` : ''})`
}
