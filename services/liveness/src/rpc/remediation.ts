import type { ServiceImpl } from '@connectrpc/connect'
import type { Gate } from '@powernode/approvals'
import { inTransaction, rehearse, type Tx } from '@powernode/postgres'
import {
  RemediatePeerRequestSchema,
  type RemediationService,
} from '@powernode/proto/powernode/liveness/v1/remediation_pb.ts'
import { Refusal, requestOf, type CallersTable } from '@powernode/rpc'
import { setMode, setSettings } from '../operations/set-remediation.ts'
import { showStatus } from '../operations/show-status.ts'
import { isMode } from '../remediation/types.ts'
import * as remediations from '../store/remediations.ts'
import * as signals from '../store/signals.ts'
import type { Tables } from '../store/tables.ts'
import { REMEDIATE, remedyAsked } from '../watch/remedy-peer.ts'
import type { WatchDeps } from '../watch/watch-deps.ts'
import { remediationToWire, settingsFromWire, signalToWire, statusToWire, type Status } from '../wire-remediation.ts'
import { isPeerId as isId, pageToken, readPageToken } from './page-token.ts'

/** Who may see what is wrong and what was done about it, and who may say what the loop may do. */
export const REMEDIATION_CALLERS = {
  listSignals: ['system.federation.read'],
  listRemediations: ['system.federation.read'],
  getRemediation: ['system.federation.read'],
  remediatePeer: ['system.federation_peers.manage'],
  getRemediationStatus: ['system.federation.read'],
  setRemediationMode: ['system.infra_tasks.control'],
  setRemediationSettings: ['system.infra_tasks.control'],
} as const satisfies CallersTable<typeof RemediationService>

export type RemediationDeps = WatchDeps & { readonly gate: Gate }

const PAGE = 100

type Page = { readonly peerId: string; readonly pageSize: number; readonly pageToken: string }

export function remediationHandlers(deps: RemediationDeps): ServiceImpl<typeof RemediationService> {
  const look = <Result>(verb: (tx: Tx<Tables>, now: Date) => Promise<Result>): Promise<Result> =>
    inTransaction(deps.db, (tx) => verb(tx, deps.clock.now()), { isolation: 'repeatable read' })
  const act = (verb: (tx: Tx<Tables>, now: Date) => Promise<Status>, isRehearsal = false): Promise<Status> =>
    isRehearsal
      ? rehearse(deps.db, (tx) => verb(tx, deps.clock.now()))
      : inTransaction(deps.db, (tx) => verb(tx, deps.clock.now()))

  return {
    async listSignals({ includeClosed, ...said }) {
      const { items, nextPageToken } = await pageOf(said, (page) =>
        look((tx) => signals.page(tx, { ...page, includeClosed })),
      )
      return { signals: items.map(signalToWire), nextPageToken }
    },

    async listRemediations(said) {
      const { items, nextPageToken } = await pageOf(said, (page) => look((tx) => remediations.page(tx, page)))
      return { remediations: items.map(remediationToWire), nextPageToken }
    },

    async getRemediation({ id }) {
      const entry = (await look((tx) => remediations.find(tx, [id]))).get(id)
      if (!entry) {
        const next = 'fedctl remediation list'
        throw new Refusal('REMEDIATION_NOT_FOUND', `the diary has no entry ${id}`, { next })
      }
      return { remediation: remediationToWire(entry) }
    },

    async remediatePeer(req, context) {
      const summary = `remedy peer ${req.peerId}: ${req.reason}`
      await deps.gate.pass(context, { action: REMEDIATE, schema: RemediatePeerRequestSchema, request: req, summary, peerId: req.peerId }) // prettier-ignore
      const entry = await remedyAsked(deps, { req, asker: requestOf(context).actor }, context.signal)
      return { remediation: remediationToWire(entry) }
    },

    async getRemediationStatus() {
      return { status: statusToWire(await look(showStatus)) }
    },

    async setRemediationMode({ mode, reason, dryRun }, context) {
      if (!isMode(mode)) throw new Refusal('REQUEST_INVALID', `${mode} is no mode`)
      const said = { mode, reason, by: requestOf(context).actor, platformId: platformId(deps) }
      return { status: statusToWire(await act((tx, now) => setMode(tx, now, said), dryRun)) }
    },

    async setRemediationSettings({ settings, dryRun }, context) {
      if (!settings) throw new Error('settings passed validation without their content')
      const said = { by: requestOf(context).actor, platformId: platformId(deps) }
      const status = await act(
        (tx, now) => setSettings(tx, now, { ...said, change: (before) => settingsFromWire(settings, before) }),
        dryRun,
      )
      return { status: statusToWire(status) }
    },
  }
}

/** Whose news it is. */
function platformId({ feed }: Pick<WatchDeps, 'feed'>): string {
  const id = feed.local()?.description.platformId
  if (!id) throw new Refusal('SERVICE_UNAVAILABLE', 'peer-registry has not said yet who we are')
  return id
}

/** The items of a page, and where the next one begins. */
async function pageOf<Item extends { readonly id: string }>(
  { peerId, pageSize, pageToken: token }: Page,
  read: (page: { peerId: string; beforeId: string | undefined; limit: number }) => Promise<readonly Item[]>,
): Promise<{ readonly items: readonly Item[]; readonly nextPageToken: string }> {
  const limit = pageSize || PAGE
  const beforeId = token === '' ? undefined : readPageToken(token)
  if (peerId !== '' && !isId(peerId)) return { items: [], nextPageToken: '' } // what is no id is nobody's
  const rows = await read({ peerId, beforeId, limit: limit + 1 })
  const items = rows.slice(0, limit)
  const last = rows.length > limit ? items.at(-1) : undefined
  return { items, nextPageToken: last ? pageToken(last.id) : '' }
}
