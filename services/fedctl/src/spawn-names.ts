import type { ListProvidersResponse, ListTemplatesResponse } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import type { Session } from './session.ts'

/** The name that people gave a template, provider, region or instance type; its id when there is none. */
export type SpawnName = (id: string) => string

/** Names are a kindness, as those of peers are: without an answer, ids stay ids. */
export async function spawnNames({ clients }: Session): Promise<SpawnName> {
  const records = await Promise.all([
    clients.spawning.listTemplates({ includeRetired: true }),
    clients.spawning.listProviders({}),
  ]).catch(() => undefined)
  const names = new Map(records ? namesIn(...records) : [])
  return (id) => names.get(id) ?? id
}

function namesIn({ templates }: ListTemplatesResponse, { providers, regions, instanceTypes }: ListProvidersResponse) {
  return [...templates, ...providers, ...regions, ...instanceTypes].map(({ id, name }) => [id, name] as const)
}
