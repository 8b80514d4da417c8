import * as policies from '../store/approval-policies.ts'
import * as approvals from '../store/approvals.ts'
import { autonomyToWire, policyToWire } from '../wire-approvals.ts'
import type { DirectoryPart } from './directory-parts.ts'

/** What has to be approved, whether agents may act, and, as a bell, that something is approved and waits to be carried out. */
export const approvalPart: DirectoryPart = async (tx) => ({
  policies: (await policies.list(tx)).map(policyToWire),
  autonomy: autonomyToWire(await policies.autonomy(tx)),
  approved: Object.fromEntries(await approvals.countExecutable(tx)),
})
