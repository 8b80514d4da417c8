export const INSTANCE_STATES = ['creating', 'booting', 'running', 'stopped', 'lost', 'terminating', 'gone'] as const
export type InstanceState = (typeof INSTANCE_STATES)[number]

/** The machine of a child, or what stands for one. */
export type Instance = {
  readonly id: string
  readonly childId: string
  readonly hostname: string
  readonly providerId: string
  readonly regionId: string
  readonly instanceTypeId: string
  readonly state: InstanceState
  readonly reason: string
  readonly since: Date
  readonly progress: string
  readonly progressAt: Date | null
  readonly providerRef: string
  readonly createdAt: Date
  readonly revision: number
}
