import { create } from '@bufbuild/protobuf'
import type { Announcement } from '@powernode/events'
import {
  FindingAcknowledgedSchema,
  FindingClosedSchema,
  FindingOpenedSchema,
} from '@powernode/proto/powernode/liveness/v1/events_pb.ts'
import type { Finding } from '../findings/finding.ts'
import { findingToWire } from '../wire-findings.ts'

const US = 'service/liveness'

/** Something is not as it should be with a peering; as grave as the finding. */
export function findingOpened(finding: Finding, at: Date): Announcement {
  const payload = create(FindingOpenedSchema, { finding: findingToWire(finding) })
  return { ...about(finding, 'opened'), severity: finding.severity, actor: US, at, payload }
}

/** It is so no more. */
export function findingClosed(finding: Finding, at: Date): Announcement {
  const payload = create(FindingClosedSchema, { finding: findingToWire(finding) })
  return { ...about(finding, 'closed'), actor: US, at, payload }
}

/** Somebody has seen it, and says so. */
export function findingAcknowledged(finding: Finding, at: Date, actor: string): Announcement {
  const payload = create(FindingAcknowledgedSchema, { finding: findingToWire(finding) })
  return { ...about(finding, 'acknowledged'), actor, at, payload }
}

const about = ({ id, peerId }: Finding, word: 'opened' | 'closed' | 'acknowledged') => ({
  noun: 'liveness' as const,
  word: `finding_${word}`,
  id,
  kind: `federation.finding.${word}`,
  ...(peerId !== '' && { peerId }),
})
