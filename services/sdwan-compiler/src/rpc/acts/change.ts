import { createHash } from 'node:crypto'
import { clone, create, toBinary } from '@bufbuild/protobuf'
import type { Item } from '@powernode/proto/powernode/sdwan/v1/intent_pb.ts'
import { ChangeIntentRequestSchema, type Change, type ChangeIntentRequest } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts' // prettier-ignore
import { newId } from '@powernode/postgres'
import { Refusal } from '@powernode/rpc'
import type { By } from '../../by.ts'
import { idInRequest, type Act } from '../../intent/acts.ts'
import { isKind } from '../../intent/columns.ts'
import { readItem } from '../../intent/read-item.ts'
import { Reading } from '../../intent/reading.ts'
import { changeIntent, type Changed, type Said } from '../../operations/change-intent.ts'
import type { SdwanDeps } from '../../sdwan-deps.ts'
import type { SdwanTx } from '../../store/tables.ts'

/**
 * The request with an id for every record that it creates. With a request id they follow from it: a rehearsal, the change itself
 * and the change once it is approved make the same records, at the same addresses, and so come to the same plan.
 */
export function withIds(req: ChangeIntentRequest, now: Date): ChangeIntentRequest {
  const whole = clone(ChangeIntentRequestSchema, req)
  whole.changes.forEach((change, nth) => {
    const item = itemOf(change)
    if (item && item.kind.value && item.kind.value.id === '') item.kind.value.id = req.requestId ? idInRequest(req.requestId, nth) : newId(now) // prettier-ignore
  })
  return whole
}

const itemOf = ({ act }: Change): Item | undefined => (act.case === 'put' ? act.value : undefined)

/** What is to be done, read by its types; everything that is wrong is said at once. */
export function actsOf({ changes }: Pick<ChangeIntentRequest, 'changes'>): readonly Act[] {
  const read = new Reading('')
  const acts = changes.map(({ act }, nth): Act => {
    const field = `changes[${nth}]`
    if (act.case === 'put') return { act: 'put', put: readItem(act.value, read.in(field)), field }
    const { kind = '', id = '', cascade = false } = act.case === 'delete' ? act.value : {}
    read.in(field).text('delete.id', id, 'id')
    if (!isKind(kind)) read.in(field).object('delete.kind', `${JSON.stringify(kind.slice(0, 40))} is no kind of record`)
    return { act: 'delete', kind: isKind(kind) ? kind : 'network', id, cascade }
  })
  read.settle()
  return acts
}

/** What makes one request the same as another: all of it, but what is said of how it is tried. */
export function sha256Of(req: ChangeIntentRequest): Buffer {
  const same = create(ChangeIntentRequestSchema, { ...req, dryRun: false, planSha256: '' })
  return createHash('sha256').update(toBinary(ChangeIntentRequestSchema, same)).digest()
}

type Deps = Pick<SdwanDeps, 'compiler' | 'sealing' | 'config'>

/** The change as its RPC, an approval and a dry run make it. `req` MUST have its ids (withIds). */
export const changing =
  // oxlint-disable-next-line max-params -- a request, whose it is, and how it is made
  (deps: Deps, req: ChangeIntentRequest, by: By, how: Pick<Said, 'skipReach' | 'weighed'> = {}) =>
    (tx: SdwanTx, now: Date): Promise<Changed> =>
      changeIntent(tx, now, {
        ...how,
        by,
        acts: actsOf(req),
        compiler: deps.compiler,
        sealing: deps.sealing,
        accountId: deps.config.trustDomain,
        request: req.requestId === '' ? undefined : { id: req.requestId, sha256: sha256Of(req) },
        planSha256: req.planSha256,
        overrideTestsReason: req.overrideTestsReason,
      })

/** A request id names one change for ever. */
export const otherRequest = (requestId: string): Refusal =>
  new Refusal('REQUEST_INVALID', `under request_id ${requestId} something else was changed already`, {
    next: 'choose another request_id',
  })
