import { create } from '@bufbuild/protobuf'
import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import {
  CompatibilitySchema,
  VersionRuleSchema,
  type Compatibility,
  type VersionRule as WireRule,
} from '@powernode/proto/powernode/version/v1/service_pb.ts'
import type { VersionChange } from './version-change.ts'
import type { VersionRule } from './version.ts'

export const ruleToWire = ({ setAt, refusedKinds, ...rule }: VersionRule): WireRule =>
  create(VersionRuleSchema, { ...rule, refusedKinds: [...refusedKinds], setAt: timestampFromDate(setAt) })

/** How a peer stands, or would; `before` only where it is shown as a change. */
export const compatibilityToWire = ({ peer, local, after, verdict }: VersionChange): Compatibility =>
  create(CompatibilitySchema, {
    peerId: peer.id,
    localVersion: local,
    remoteVersion: peer.platformVersion,
    status: after,
    source: after === '' ? '' : verdict.source,
    notes: verdict.notes,
    refusedKinds: [...verdict.refusedKinds],
  })

export const changeToWire = (change: VersionChange): Compatibility =>
  create(CompatibilitySchema, { ...compatibilityToWire(change), statusBefore: change.before })
