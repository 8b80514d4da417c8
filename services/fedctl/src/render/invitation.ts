import type { Timestamp } from '@bufbuild/protobuf/wkt'
import type { Invitation, InvitationPreview } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { MintedInvitation } from '@powernode/proto/powernode/peer/v1/invitation_pb.ts'
import type { Canvas } from '../output.ts'
import type { NamePeers } from '../peer-names.ts'
import { sheet, table } from './table.ts'
import { age, left, moment } from './time.ts'

const until = (at: Timestamp | undefined, now: Date): string => `${moment(at)} UTC (in ${left(at, now)})`

/** A new invitation, shown this once: the lines to hand to the other operator. */
export function mintedText({ invitation, text, command }: MintedInvitation, whom: string, canvas: Canvas): string {
  const { to, now } = canvas
  const name = invitation?.name ? ` "${invitation.name}"` : ''
  const expires = until(invitation?.expiresAt, now)
  return [
    `Invitation${name} ${invitation?.id ?? ''} for ${whom}: one use, until ${expires}`,
    '',
    `On the other side, to look at it first (no side effect):`,
    `  ${to.bold(`fedctl invite preview ${text}`)}`,
    `On the other side, to accept:`,
    `  ${to.bold(command)}`,
    '',
    to.dim('This is the only time it is shown. Hand it over by a channel you trust.'),
  ].join('\n')
}

export function invitationTable(
  invitations: readonly Invitation[],
  { now, to, width }: Canvas,
  nameOf: NamePeers,
): string {
  if (invitations.length === 0) return 'no invitations'
  const colours = { open: to.good, redeemed: to.dim, expired: to.dim, revoked: to.dim }
  return table(
    invitations,
    [
      { title: 'INVITATION', text: ({ id }) => id },
      {
        title: 'STATUS',
        text: ({ status }) => status,
        colour: ({ status }) => colours[status as keyof typeof colours] ?? ((text) => text),
      },
      { title: 'PEER', text: ({ peerId }) => nameOf(peerId) },
      { title: 'NAME', text: ({ name }) => name || '-' },
      { title: 'EXPIRES', text: ({ status, expiresAt }) => (status === 'open' ? `in ${left(expiresAt, now)}` : '-') },
      { title: 'MADE', text: ({ createdAt, createdBy }) => `${age(createdAt, now)} ago by ${createdBy}` },
      { title: 'NOTE', text: ({ note }) => note || '-' },
    ],
    to,
    width,
  )
}

/** What an invitation says. The token in it is never part of this. */
export function previewText(preview: InvitationPreview, { to, now }: Canvas): string {
  const { contractWindow: window, problems } = preview
  const facts = sheet(
    [
      ['from', preview.platformName || preview.platformId, to.bold],
      ['platform id', preview.platformId],
      ['identity key', `sha256 ${preview.identityFingerprint}`],
      ['trust domain', preview.trustDomain],
      ['CA pin', `sha256 ${preview.caPin}`],
      ['gateway', preview.urls.join('\n')],
      ['contract', contractLine(window, preview.contractVersion)],
      ['expires', preview.expired ? 'expired' : until(preview.expiresAt, now), preview.expired ? to.bad : undefined],
      ['reachable', preview.reachability.join('\n')],
    ],
    to,
  )
  const verdict =
    problems.length > 0
      ? to.bad(`An accept would be refused:\n`) + problems.map((problem) => `  - ${problem}`).join('\n')
      : to.good('Nothing speaks against it.')
  return `${facts}\n\n${verdict}`
}

function contractLine(window: InvitationPreview['contractWindow'], agreed: number): string {
  const theirs = window ? `they speak ${window.min} to ${window.max}` : 'no window named'
  return agreed > 0 ? `version ${agreed} (${theirs})` : `none in common (${theirs})`
}
