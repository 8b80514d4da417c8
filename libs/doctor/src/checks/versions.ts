import type { Check } from '@powernode/proto/powernode/federation/v1/diagnosis_pb.ts'
import { failed, ok, warning } from '../check.ts'
import type { PeerEvidence, PlatformEvidence } from '../evidence.ts'

/** Whether the two platform versions work together, by our rules. */
export function versionChecks({ compatibility }: PeerEvidence): Check[] {
  if (!compatibility || compatibility.status === '') return []
  const { status, localVersion, remoteVersion, source, notes, refusedKinds } = compatibility
  const pair = `we are ${localVersion || 'of no version'}, they are ${remoteVersion || 'of a version they have not said'}`
  const cause = [`by ${source === 'implicit' ? 'the rule of neighbouring minors' : `a rule (${source})`}`, notes]
    .filter(Boolean)
    .join(': ')
  const command = 'fedctl version list'
  if (status === 'incompatible')
    return [
      failed('versions.platform', {
        symptom: 'version_incompatible',
        summary: `${pair}: incompatible, so only heartbeats and statements pass`,
        cause,
        side: 'us',
        command,
      }),
    ]
  if (status === 'degraded')
    return [
      warning('versions.platform', {
        symptom: 'version_degraded',
        summary: `${pair}: ${refusedKinds.length > 0 ? refusedKinds.join(', ') : 'everything that writes'} is refused`,
        cause,
        side: 'us',
        command,
      }),
    ]
  return [ok('versions.platform', `${pair}: compatible`)]
}

/** That somebody has said of which version we are: what is not said cannot be compared, and an upgrade would go unseen. */
export function ownVersionChecks(versions: PlatformEvidence['versions']): Check[] {
  if (!versions) return []
  const { localVersion, toldVersion } = versions
  if (toldVersion !== '') return [ok('versions.ours', `we are of version ${localVersion}`)]
  return [
    warning('versions.ours', {
      symptom: 'version_unnamed',
      summary:
        localVersion === ''
          ? 'nobody has said of which version we are, so that no peer is compared with it'
          : `peer-registry was not told of which version we are: it stays ${localVersion}`,
      cause: 'DISCLOSURE_PLATFORM_VERSION is not set; an upgrade would be neither judged here nor seen by peers',
      side: 'us',
      command: 'set DISCLOSURE_PLATFORM_VERSION of peer-registry, and start it again',
    }),
  ]
}
