import { durationMs } from '@bufbuild/protobuf/wkt'
import type { GatedAct } from '@powernode/approvals'
import { PayloadBroken } from '@powernode/payload'
import { newId } from '@powernode/postgres'
import type { GetPlatformResponse } from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { SpawnChildRequestSchema, type SpawnChildRequest } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { Refusal } from '@powernode/rpc'
import { ttlFrom } from '../../child.ts'
import { beginSpawn, type Begun } from '../../operations/begin-spawn.ts'
import type { By } from '../../operations/tell.ts'
import { payloadOf } from '../../saga/payload.ts'
import { digestOf } from '../../spawn-request.ts'
import type { SpawnTx } from '../../store/tables.ts'
import { MODES, wordOf } from '../../wire.ts'

export const SPAWN = 'system.federation_spawn'

export type Asked = {
  readonly by: By
  readonly req: SpawnChildRequest
  /** Ourselves: where the child reaches our gateway, when the request does not say, and what else it is told of us. */
  readonly platform: GetPlatformResponse
  readonly limits: { readonly maxChildren: number; readonly bootDeadlineMs: number }
  readonly id?: string
}

/** A child is to be made. What follows is done in the background. */
export async function spawn(tx: SpawnTx, now: Date, asked: Asked): Promise<Begun> {
  const { by, req, platform, limits, id = newId(now) } = asked
  const ourUrl = platform.platform?.endpoints[0]?.url ?? ''
  const spawnMode = wordOf(MODES, req.spawnMode)
  if (!spawnMode) throw new Refusal('REQUEST_INVALID', 'spawn_mode is none that we know')
  const begun = await beginSpawn(tx, now, {
    by,
    id,
    requestId: req.requestId || id,
    requestSha256: digestOf(req),
    spawnMode,
    template: req.childTemplateId,
    region: req.providerRegionId,
    instanceType: req.providerInstanceTypeId,
    hostname: req.childHostname,
    parentUrl: parentUrl(req.parentUrl || ourUrl),
    tokenTtlMs: ttlFrom(req.tokenTtl && durationMs(req.tokenTtl)),
    proposedRoutes: req.proposedRoutes,
    proposedCapabilities: req.proposedCapabilities ?? {},
    limits,
  })
  if (begun.isNew) refuseBroken(begun, platform)
  return begun
}

/** What its machine would be handed MUST make sense before anything of it is made: a template may say nonsense. */
function refuseBroken({ child, place, template }: Begun, platform: GetPlatformResponse): void {
  const prepared = { child: { ...child, peerId: child.id }, region: place.region, template }
  try {
    payloadOf(prepared, platform, 'x'.repeat(43))
  } catch (error) {
    if (!(error instanceof PayloadBroken)) throw error
    throw new Refusal('REQUEST_INVALID', `a child of the template ${template.name} could not boot: ${error.message}`, {
      next: 'fedctl template list',
    })
  }
}

/** Never plain http, and nothing but the door itself. */
function parentUrl(said: string): string {
  const { protocol, pathname, search, hash, username, password, origin } = URL.parse(said) ?? {}
  if (protocol !== 'https:' || pathname !== '/' || `${search}${hash}${username}${password}` !== '' || !origin)
    throw new Refusal('URL_INVALID', `${said || 'no URL'} is not https://host:port of our gateway`)
  return origin
}

/** What approvers read, and what is carried out once they have approved. */
export const spawning = (
  req: SpawnChildRequest,
  { rehearse }: { rehearse: () => Promise<readonly string[]> },
): GatedAct<typeof SpawnChildRequestSchema> => ({
  action: SPAWN,
  schema: SpawnChildRequestSchema,
  request: req,
  summary: `spawn the child ${req.childHostname} (${wordOf(MODES, req.spawnMode) ?? 'unknown'})`,
  effects: async () => [
    ...(await rehearse()),
    'its token is shown to nobody; for one that is, afterwards: fedctl child rotate-token',
  ],
})
