import type { Resource } from '@powernode/proto/powernode/federation/v1/resource_pb.ts'
import type { Kind } from '@powernode/proto/powernode/resource/v1/service_pb.ts'
import { stringify } from 'yaml'
import type { Canvas } from '../output.ts'
import { harmless } from './paint.ts'
import { sheet, table } from './table.ts'
import { age, moment } from './time.ts'
import { what } from './what.ts'

export function kindTable(kinds: readonly Kind[], { to, width }: Canvas): string {
  if (kinds.length === 0) return 'no kinds'
  return table(
    kinds,
    [
      { title: 'KIND', text: ({ kind }) => kind },
      { title: 'SERVED BY', text: ({ servedBy }) => servedBy || 'nobody' },
      { title: 'EXTENSION', text: ({ extension }) => extension || '-' },
      { title: 'WRITABLE', text: ({ writable }) => (writable ? 'yes' : 'no') },
      { title: 'CLASS', text: ({ dataClass }) => dataClass || '-' },
      { title: 'REGION', text: ({ region }) => region || '-' },
      { title: 'NEVER SHOWN', text: ({ sensitiveFields }) => sensitiveFields.join(' ') || '-' },
    ],
    to,
    width,
  )
}

export function resourceTable(resources: readonly Resource[], { to, now, width }: Canvas): string {
  if (resources.length === 0) return 'no resources'
  return table(
    resources,
    [
      { title: 'KIND', text: ({ kind }) => kind },
      { title: 'ID', text: ({ id }) => id },
      { title: 'REVISION', text: ({ revision }) => String(revision) },
      { title: 'CHANGED', text: ({ updatedAt }) => (updatedAt ? `${age(updatedAt, now)} ago` : '-') },
      { title: 'CLASS', text: ({ dataClass }) => dataClass || '-' },
      { title: 'REGION', text: ({ region }) => region || '-' },
      { title: 'WITHHELD', text: ({ withheldFields }) => withheldFields.join(' ') || '-' },
      { title: 'RECORD', text: ({ record }) => what(record) },
    ],
    to,
    width,
  )
}

/** One record with all of its fields. */
export function resourceSheet(resource: Resource, { to }: Canvas): string {
  const { kind, id, revision, updatedAt, dataClass, region, withheldFields, record } = resource
  const facts = sheet(
    [
      ['kind', kind],
      ['id', id, to.bold],
      ['revision', String(revision)],
      ['changed', updatedAt ? `${moment(updatedAt)} UTC` : ''],
      ['class', dataClass],
      ['region', region],
      ['withheld', withheldFields.join(', '), to.warn],
    ],
    to,
  )
  const fields = harmless(stringify(record ?? {}).trimEnd())
  return `${facts}\n\n${fields.replaceAll(/^/gm, '  ')}`
}

/** Under what the other side has written the call down, and we have. */
export const decidedLine = (decisionId: string, { to, paste }: Canvas): string =>
  decisionId ? to.dim(`decision ${decisionId}; ${paste(`fedctl why ${decisionId}`)}`) : ''
