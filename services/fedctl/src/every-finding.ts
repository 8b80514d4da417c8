import type { MessageInitShape } from '@bufbuild/protobuf'
import { timestampDate } from '@bufbuild/protobuf/wkt'
import type { Finding, ListFindingsRequestSchema } from '@powernode/proto/powernode/liveness/v1/governance_pb.ts'
import type { Session } from './session.ts'
import { usage } from './problem.ts'

/** What was found, and how much of it could be looked at. */
export type Findings = {
  readonly findings: readonly Finding[]
  /** When everything was looked at last; null: never. */
  readonly scannedAt: Date | null
  /** Services that did not answer then. */
  readonly unread: readonly string[]
}

export async function everyFinding(
  { clients }: Session,
  asked: MessageInitShape<typeof ListFindingsRequestSchema>,
): Promise<Findings> {
  const findings: Finding[] = []
  for (let pageToken = ''; ;) {
    const page = await clients.governance.listFindings({ ...asked, pageSize: 1000, pageToken })
    findings.push(...page.findings)
    pageToken = page.nextPageToken
    if (pageToken === '')
      return { findings, scannedAt: page.scannedAt ? timestampDate(page.scannedAt) : null, unread: page.unread }
  }
}

/** The finding of an id, or of the end of one, as tables show it. */
export async function findFinding(session: Session, id: string): Promise<Finding> {
  const { findings } = await everyFinding(session, { includeClosed: true })
  const fitting = findings.filter((one) => one.id === id.toLowerCase() || one.id.endsWith(id.toLowerCase()))
  const [finding] = fitting
  if (!finding) throw usage(`there is no finding "${id}"`, 'fedctl finding list --all')
  if (fitting.length > 1) throw usage(`"${id}" is the end of several ids`, 'fedctl finding list --all -o json')
  return finding
}
