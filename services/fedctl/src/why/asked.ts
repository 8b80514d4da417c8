import type { Decision } from '@powernode/proto/powernode/decision/v1/decision_pb.ts'

/** What a call was about: write NodeModule ntp, over network n1, from node i1 at 10.0.0.7. */
export function whatWasAsked(decision: Decision): string {
  const { scope, resourceKind, resourceId, sdwanNetworkId, nodeInstanceId, sourceAddress, rpc } = decision
  const about = resourceKind
    ? `${scope || 'use'} ${resourceKind} ${resourceId || '(all)'}`
    : scope
      ? `${scope} a resource of no kind`
      : (rpc.split('/').at(-1) ?? 'something')
  return [
    about,
    sdwanNetworkId && `over network ${sdwanNetworkId}`,
    nodeInstanceId && `from node ${nodeInstanceId}`,
    sourceAddress && `from address ${sourceAddress}`,
  ]
    .filter(Boolean)
    .join(', ')
}

/** Words for an axis that stands alone. */
export const AXES: Readonly<Record<string, string>> = {
  bearer: 'the bearer itself',
  peer: 'whom the grant was given to',
  identity: 'the certificate the caller showed',
  lifetime: 'when the grant is good',
  kind: 'the kind of resource',
  id: 'which resource of the kind',
  scope: 'what may be done with it',
  instance: 'for which node',
  network: 'over which network',
  bridge: 'the bridge between the peer and the network',
  source: 'from which address',
  residency: 'where the data would go',
}

export const anyOf = (values: readonly string[]): string =>
  values.length === 0 || values.includes('*') ? 'any' : values.join(', ')
