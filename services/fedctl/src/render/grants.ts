import type { Grant, GrantSettings, GrantVerdict } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import type { Canvas } from '../output.ts'
import type { NamePeers } from '../peer-names.ts'
import { lasting } from './durations.ts'
import type { Paint } from './paint.ts'
import { sheet, table, type Fact } from './table.ts'
import { left, moment } from './time.ts'
import { what } from './what.ts'

export function grantTable(grants: readonly Grant[], canvas: Canvas, name: NamePeers): string {
  if (grants.length === 0)
    return `no grants; give one: ${canvas.paste('fedctl grant create <peer> --kind … --scope …')}`
  return table(
    grants,
    [
      { title: 'GRANT', text: ({ id }) => id },
      { title: 'PEER', text: ({ peerId }) => name(peerId) },
      { title: 'STATUS', text: ({ status }) => status, colour: ({ status }) => statusColour(status, canvas.to) },
      { title: 'KIND', text: ({ resourceKind }) => resourceKind },
      { title: 'ID', text: ({ resourceId }) => resourceId || 'all' },
      { title: 'SCOPES', text: ({ scopes }) => scopes.join(',') },
      {
        title: 'EXPIRES',
        text: (grant) => (grant.status === 'active' ? `in ${left(grant.expiresAt, canvas.now)}` : '-'),
      },
      { title: 'LIMITED TO', text: limits },
    ],
    canvas.to,
    canvas.width,
  )
}

/** Everything about one grant. */
export function grantSheet(grant: Grant, canvas: Canvas, name: NamePeers): string {
  return sheet(grantFacts(grant, canvas, name), canvas.to)
}

function grantFacts(grant: Grant, { to, now }: Canvas, name: NamePeers): Fact[] {
  const { status } = grant
  return [
    ['grant', grant.id, to.bold],
    ['peer', name(grant.peerId)],
    ['status', status, statusColour(status, to)],
    ['for', grant.remoteSubject],
    ['kind', grant.resourceKind],
    ['id', grant.resourceId || 'all of the kind'],
    ['scopes', grant.scopes.join(', ')],
    ['nodes', any(grant.nodeInstanceIds)],
    ['networks', any(grant.sdwanNetworkIds)],
    ['from', any(grant.sourceCidrs)],
    ['certificates', grant.boundIdentities.join('\n') || 'whatever the peer is enrolled with'],
    ['issued', `${moment(grant.issuedAt)} UTC by ${grant.issuedBy}`],
    [
      'expires',
      status === 'active'
        ? `${moment(grant.expiresAt)} UTC (in ${left(grant.expiresAt, now)})`
        : `${moment(grant.expiresAt)} UTC`,
    ],
    ['reminded', grant.remindedAt ? `${moment(grant.remindedAt)} UTC` : ''],
    ['delivered', grant.deliveredAt ? `${moment(grant.deliveredAt)} UTC` : ''],
    [
      'revoked',
      grant.revokedAt ? `${moment(grant.revokedAt)} UTC${grant.revocationReason && `: ${grant.revocationReason}`}` : '',
      to.bad,
    ],
    ['archived', grant.archivedAt ? `${moment(grant.archivedAt)} UTC` : ''],
    ['revision', String(grant.revision)],
    ['metadata', what(grant.metadata)],
  ]
}

/** A new grant: the bearer, shown this once, and how the other side uses it. */
export function issuedText(bearer: string, command: string, { to }: Canvas): string {
  return [
    'The bearer, to be handed over by a channel you trust; this is the only time it is shown:',
    `  ${to.bold(bearer)}`,
    '',
    'On the other side, with the bearer on stdin:',
    `  ${to.bold(command)}`,
  ].join('\n')
}

/** What each grant says to a call, the decisive one first. */
export function verdictTable(verdicts: readonly GrantVerdict[], { to, width }: Canvas): string {
  return table(
    verdicts,
    [
      { title: 'GRANT', text: ({ grantId }) => grantId || '-' },
      {
        title: 'SAYS',
        text: ({ allowed }) => (allowed ? 'yes' : 'no'),
        colour: ({ allowed }) => (allowed ? to.good : to.bad),
      },
      { title: 'REASON', text: ({ reason }) => reason },
      { title: 'AXIS', text: ({ axis }) => axis || '-' },
      { title: 'WHY', text: ({ detail }) => detail || '-' },
    ],
    to,
    width,
  )
}

export function settingsSheet(settings: GrantSettings, { to }: Canvas): string {
  return sheet(
    [
      ['default_ttl', lasting(settings.defaultTtl)],
      ['managed_child_ttl', lasting(settings.managedChildTtl)],
      ['longest_ttl', lasting(settings.longestTtl)],
      ['remind_before', lasting(settings.remindBefore)],
      ['strict_axes', settings.strictAxes ? 'true: an empty axis is refused' : 'false: an empty axis means any'],
      ['operator_grant', settings.operatorGrant ? 'true: a managed child gives it by itself' : 'false'],
      ['operator_grant_scopes', settings.operatorGrantScopes.join(',')],
      ['revision', String(settings.revision)],
    ],
    to,
  )
}

const any = (values: readonly string[]): string => (isAny(values) ? 'any' : values.join('\n'))
const isAny = (values: readonly string[]): boolean => values.length === 0 || values.includes('*')

function limits({ nodeInstanceIds, sdwanNetworkIds, sourceCidrs, boundIdentities }: Grant): string {
  const axes = [
    ['node', nodeInstanceIds],
    ['network', sdwanNetworkIds],
    ['from', sourceCidrs],
  ] as const
  const said = axes.flatMap(([title, values]) => (isAny(values) ? [] : [`${title} ${values.join(' ')}`]))
  if (boundIdentities.length > 0) said.push('its own certificates')
  return said.join('; ') || '-'
}

const statusColour = (status: string, to: Paint): ((text: string) => string) =>
  status === 'active' ? to.good : status === 'revoked' ? to.bad : to.dim
