import type { Check } from '@powernode/proto/powernode/federation/v1/diagnosis_pb.ts'
import { failed, ok, warning } from '../check.ts'
import type { Unread } from '../evidence.ts'

/** Without these no peering works; without the others a part of the answer is missing. */
const VITAL: readonly string[] = ['peer-registry', 'federation-gateway', 'liveness', 'audit-ledger']

/** Which of our services did not answer what this examination needs. */
export function answerChecks(unread: Unread): Check[] {
  const silent = Object.entries(unread)
  if (silent.length === 0) return [ok('services.answers', 'every service of ours that was asked has answered')]
  return silent.map(([service, why]) => {
    const trouble = {
      summary: `${service} does not answer`,
      cause: why,
      side: 'us',
      command: 'fedctl doctor',
    } as const
    return VITAL.includes(service)
      ? failed('services.answers', { symptom: 'service_down', ...trouble })
      : warning('services.answers', { symptom: 'service_silent', ...trouble })
  })
}
