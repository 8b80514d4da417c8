import { InstanceTypeSchema, ProviderSchema, RegionSchema } from '@powernode/proto/powernode/spawn/v1/child_pb.ts'
import type { ListProvidersResponse } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { plain } from './plain.ts'
import type { Offer } from './render/providers.ts'

/** Each provider with what is its own. */
export function offersOf({ providers, regions, instanceTypes }: ListProvidersResponse): Offer[] {
  return providers.map((provider) => ({
    provider,
    regions: regions.filter(({ providerId }) => providerId === provider.id),
    instanceTypes: instanceTypes.filter(({ providerId }) => providerId === provider.id),
  }))
}

export const plainOffer = ({ provider, regions, instanceTypes }: Offer) => ({
  ...plain(ProviderSchema, provider),
  regions: regions.map((region) => plain(RegionSchema, region)),
  instance_types: instanceTypes.map((type) => plain(InstanceTypeSchema, type)),
})
