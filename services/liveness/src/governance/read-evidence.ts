import { inTransaction } from '@powernode/postgres'
import type { Freshness } from '../freshness.ts'
import type { Alarm, Evidence, PeerEvidence, PeerRow, Source, Us } from '../findings/evidence.ts'
import * as freshness from '../store/freshness.ts'
import { everyPage } from './every-page.ts'
import { alarmFrom, peerFrom, usFrom } from './from-wire.ts'
import type { GovernanceDeps } from './governance-deps.ts'
import { readListeningSince } from './listening-since.ts'
import { readNotices } from './read-notices.ts'
import { readResidencies } from './read-residencies.ts'
import { readSigned } from './read-signed.ts'

/** A page from an owner that is busy may take longer than an operator would wait: nobody waits for the loop. */
const PATIENCE_MS = 30_000
/**
 * Everything governance looks at, asked of its owners page by page and all at once. A service that does not answer, or says
 * that we may not ask, is written down as not read: what follows from what others said still holds.
 */
export async function readEvidence(deps: GovernanceDeps, signal: AbortSignal): Promise<Evidence> {
  const { clock, logger, owners, feed } = deps
  const now = clock.now()
  const call = { signal, timeoutMs: PATIENCE_MS }
  const unread = new Set<Source>()
  async function asked<T>(source: Source, read: () => Promise<T>, instead: T): Promise<T> {
    try {
      return await read()
    } catch (error) {
      signal.throwIfAborted()
      unread.add(source)
      logger.warn({ sweep: 'governance', kind: source, error }, 'what governance looks at could not be read')
      return instead
    }
  }

  const { registry, versions, notices, ledger } = owners
  const [us, rows, stand, residencies, told, alarms, known] = await Promise.all([
    asked('peers', async () => usFrom(await registry.getPlatform({}, call)), NOBODY),
    asked('peers', () => everyPage(async (page) => {
      const { peers, nextPageToken: next } = await registry.listPeers(page, call)
      return { items: peers.map(peerFrom), next }
    }), []), // prettier-ignore
    asked('versions', () => everyPage(async (page) => {
      const { compatibilities: items, nextPageToken: next } = await versions.listCompatibility(page, call)
      return { items, next }
    }), []), // prettier-ignore
    asked('residencies', () => readResidencies(owners.residency, signal), new Map()),
    asked('notices', () => readNotices(notices, call), []),
    asked('alarms', () => everyPage(async (page) => {
      const { alarms: items, nextPageToken: next } = await ledger.listAlarms({ ...page, openOnly: true }, call)
      return { items, next }
    }), []), // prettier-ignore
    readFreshness(deps),
  ])
  const signed = await asked('certificates', () => readSigned(owners.authority, rows, { now, signal }), new Map())
  if (!feed.isComplete()) unread.add('certificateEnds')

  const alarmsOf = Map.groupBy(alarms, ({ peerId }) => peerId)
  const shown = (peerId: string): readonly Alarm[] => (alarmsOf.get(peerId) ?? []).map(alarmFrom)
  const standOf = new Map(stand.map((one) => [one.peerId, one]))
  const evidenceOf = (row: PeerRow): PeerEvidence => {
    return {
      ...row,
      freshness: known.get(row.peerId),
      compatibility: standOf.get(row.peerId),
      residency: residencies.get(row.peerId),
      certificates: [...(feed.peers.get(row.peerId)?.certificates ?? []), ...(signed.get(row.peerId) ?? [])],
      alarms: shown(row.peerId),
    }
  }
  const listeningSince = await readListeningSince(deps)
  return { us, peers: rows.map(evidenceOf), notices: told, ownAlarms: shown(''), listeningSince, unread }
}

/** Ours when peer-registry does not say: nothing follows from it then. */
const NOBODY: Us = {
  prefix: '',
  disclosure: { contact: '', jurisdiction: '', platformVersion: '', releaseTag: '' },
  contractWindow: { min: 1, max: 1 },
  contractSha256: '',
  staleAfterMs: 0,
}

const PAGE = 5_000
const FIRST = '00000000-0000-0000-0000-000000000000'

/** How fresh what we know of each peer is, in pages: one snapshot of everybody would hold up nobody, and hold much. */
async function readFreshness({ db }: Pick<GovernanceDeps, 'db'>): Promise<ReadonlyMap<string, Freshness>> {
  const known = new Map<string, Freshness>()
  for (let after = FIRST; ;) {
    const page = await inTransaction(db, (tx) => freshness.page(tx, after, PAGE))
    for (const row of page) known.set(row.peerId, row)
    const last = page.at(-1)
    if (!last || page.length < PAGE) return known
    after = last.peerId
  }
}
