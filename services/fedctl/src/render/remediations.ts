import type { Remediation, RemediationStatus, Signal } from '@powernode/proto/powernode/liveness/v1/remediation_pb.ts'
import type { Canvas } from '../output.ts'
import type { NamePeers } from '../peer-names.ts'
import { lasting } from './durations.ts'
import type { Paint } from './paint.ts'
import { sheet, table } from './table.ts'
import { age, left, moment } from './time.ts'

export function signalTable(signals: readonly Signal[], canvas: Canvas, name: NamePeers): string {
  const { to, now, width, paste } = canvas
  if (signals.length === 0) return 'no signals: nothing is wrong with any peering'
  const text = table(
    signals,
    [
      { title: 'PEER', text: ({ peerId }) => name(peerId) },
      { title: 'WHAT', text: ({ reason }) => reason, colour: ({ severity }) => severityColour(to, severity) },
      { title: 'SEVERITY', text: ({ severity }) => severity },
      { title: 'SINCE', text: ({ openedAt }) => `${age(openedAt, now)} ago` },
      { title: 'STATE THEN', text: ({ peerState }) => peerState },
      { title: 'NEXT LOOK', text: ({ nextLookAt, closedAt }) => (closedAt ? 'over' : nextLook(left(nextLookAt, now))) },
      { title: 'IN WORDS', text: ({ detail }) => detail },
    ],
    to,
    width,
  )
  const [first] = signals.filter(({ closedAt }) => !closedAt)
  return first ? `${text}\n\nnext  ${paste(`fedctl doctor peer ${name(first.peerId)}`)}` : text
}

const nextLook = (text: string): string => (text === 'expired' ? 'now' : text)

export function remediationTable(entries: readonly Remediation[], canvas: Canvas, name: NamePeers): string {
  const { to, now, width } = canvas
  if (entries.length === 0) return 'the diary is empty: nothing had to be decided'
  return table(
    entries,
    [
      { title: 'REMEDIATION', text: ({ id }) => id },
      { title: 'DECIDED', text: ({ decidedAt }) => `${age(decidedAt, now)} ago` },
      { title: 'PEER', text: ({ peerId }) => name(peerId) },
      { title: 'WHAT', text: whatOf },
      { title: 'ACTION', text: actionText, colour: ({ action }) => actionColour(to, action) },
      { title: 'RECOVERED', text: ({ recoveredAt }) => (recoveredAt ? `${age(recoveredAt, now)} ago` : '-') },
      { title: 'WHY', text: ({ detail }) => detail },
    ],
    to,
    width,
  )
}

/** One decision with its inputs: enough to come to it again. */
export function remediationSheet(entry: Remediation, { to, paste }: Canvas, name: NamePeers): string {
  const facts = sheet(
    [
      ['remediation', entry.id],
      ['peer', name(entry.peerId)],
      ['what', whatOf(entry)],
      ['action', actionText(entry), actionColour(to, entry.action)],
      ['why', entry.detail],
      ['decided', `${moment(entry.decidedAt)} UTC by ${entry.actor}`],
      ['policy', entry.verb],
      ['mode', entry.mode],
      ['approval', entry.approvalId],
      ['recovered', entry.recoveredAt ? `${moment(entry.recoveredAt)} UTC` : ''],
    ],
    to,
  )
  const probes = entry.probes.map(
    ({ url, reachable, detail }) => [url || 'our gateway', detail, reachable ? to.good : to.bad] as const,
  )
  const inputs = Object.entries(entry.inputs)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => [key, value] as const)
  const next = entry.requiresOperatorAction ? `next  ${paste(nextOf(entry))}` : ''
  return [
    facts,
    probes.length > 0 ? `${to.bold('Probed')}\n${sheet(probes, to, '  ')}` : '',
    `${to.bold('Decided on')}\n${sheet(inputs, to, '  ')}`,
    next,
  ]
    .filter((part) => part !== '')
    .join('\n\n')
}

/** What is wrong with the peer. Somebody may ask about one that is well: then it was looked into, and nothing was found. */
function whatOf({ reason, inputs }: Remediation): string {
  const isWell = inputs['asked'] === 'true' && inputs['hearing'] === 'both' && !reason.startsWith('cert_')
  return isWell ? 'nothing' : reason
}

/** What is left to a person. */
function nextOf({ approvalId, peerId, whyHeld, inputs }: Remediation): string {
  if (approvalId) return `fedctl approval show ${approvalId}`
  if (whyHeld === 'paused' || whyHeld === 'observing') return 'fedctl remediation resume'
  if (whyHeld === 'halted') return 'fedctl approval resume'
  if (whyHeld === 'blocked') return 'fedctl policy set system.federation_peer_remediate notify_and_proceed'
  if (whyHeld === 'budget') return 'fedctl remediation settings'
  if (whyHeld === 'breaker' || whyHeld === 'cannot_probe') return 'fedctl doctor'
  return Number(inputs['away_for_ms']) >= A_DAY_MS ? `fedctl peer suspend ${peerId}` : `fedctl doctor peer ${peerId}`
}
const A_DAY_MS = 86_400_000

export function statusSheet(status: RemediationStatus, { to, now, paste }: Canvas): string {
  const { mode, modeBy, modeReason, settings, late, watched, breakerSince, breakerReason, listeningSince } = status
  const by = modeBy ? ` by ${modeBy}, ${age(status.modeSince, now)} ago${modeReason ? `: ${modeReason}` : ''}` : ''
  const facts = sheet(
    [
      ['mode', `${mode}${by}`, mode === 'acting' ? to.good : to.warn],
      [
        'breaker',
        breakerSince ? `holds since ${age(breakerSince, now)}: ${breakerReason}` : 'closed',
        breakerSince ? to.bad : to.good,
      ],
      ['late', `${late} of ${watched} peers`],
      ['the latest', status.latestPeerIds.join('\n')],
      ['signals', `${status.openSignals} open`],
      ['budget', `${status.budgetLeft} may be degraded within the hour`],
      ['listening', listeningSince ? `for ${age(listeningSince, now)}: ${status.listeningReason}` : 'not yet', listeningSince ? undefined : to.warn], // prettier-ignore
      [
        'last tick',
        status.tickedAt ? `${age(status.tickedAt, now)} ago, took ${lasting(status.tickTook)}` : 'none yet',
      ],
    ],
    to,
  )
  const figures = settings && sheet(
    [
      ['breaker share', `${Math.round(settings.breakerShare * 100)}%, and at least ${settings.breakerLeast} peers`],
      ['budget an hour', settings.budgetPerHour === 0 ? 'a tenth of those watched, at least 20' : String(settings.budgetPerHour)], // prettier-ignore
      ['patience', String(settings.patience)],
      ['clock skew', lasting(settings.clockSkew)],
      ['cert warning', lasting(settings.certWarning)],
    ],
    to,
    '  ',
  ) // prettier-ignore
  const next = breakerSince ? `next  ${paste('fedctl doctor')}` : mode === 'acting' ? '' : `next  ${paste('fedctl remediation resume')}` // prettier-ignore
  return [facts, figures && `${to.bold('Settings')}\n${figures}`, next].filter(Boolean).join('\n\n')
}

function actionText({ action, whyHeld, wouldHave }: Remediation): string {
  if (action !== 'held') return action
  return wouldHave ? `held: ${whyHeld}, would have ${wouldHave}` : `held: ${whyHeld}`
}

const actionColour = (to: Paint, action: string): ((text: string) => string) =>
  action === 'degraded' ? to.bad : action === 'rehandshaked' ? to.good : to.warn

const severityColour = (to: Paint, severity: string): ((text: string) => string) =>
  severity === 'critical' || severity === 'high' ? to.bad : to.warn
