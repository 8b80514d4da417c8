import type { Check } from '@powernode/proto/powernode/federation/v1/diagnosis_pb.ts'
import { failed, ok } from '../check.ts'
import type { PeerEvidence } from '../evidence.ts'

/** Whether both sides still speak the version they agreed on. */
export function contractChecks({ peer, platform }: PeerEvidence): Check[] {
  const ours = platform?.platform?.contractWindow
  const theirs = peer?.contractWindow
  const agreed = peer?.contractVersion ?? 0
  if (!ours || !theirs || agreed === 0) return []
  const outside = [
    ...(agreed < ours.min || agreed > ours.max ? [`we speak ${ours.min} to ${ours.max}`] : []),
    ...(agreed < theirs.min || agreed > theirs.max ? [`they speak ${theirs.min} to ${theirs.max}`] : []),
  ]
  if (outside.length === 0) return [ok('contract.version', `both sides speak contract version ${agreed}`)]
  return [
    failed('contract.version', {
      symptom: 'contract_incompatible',
      summary: `contract version ${agreed} was agreed, and is not spoken any more`,
      cause: outside.join(', '),
      side: agreed < ours.min || agreed > ours.max ? 'us' : 'them',
      command: 'run a release that speaks the agreed version, or: fedctl peer re-peer <peer>',
    }),
  ]
}
