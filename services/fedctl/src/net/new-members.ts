import { fromJson, type JsonObject, type MessageInitShape } from '@bufbuild/protobuf'
import { ComposeNetworkRequest_NewMemberSchema as NewMemberSchema } from '@powernode/proto/powernode/sdwan/v1/skill_pb.ts'
import { InvalidArgumentError } from 'commander'
import { usage } from '../problem.ts'
import { recordFrom } from '../said.ts'
import type { Session } from '../session.ts'
import { endpointOf } from './endpoint.ts'

export type NewMember = MessageInitShape<typeof NewMemberSchema>

/** hub-1=0198…@192.0.2.1:51820: a name, a node, and where it is called; name and place may be left out. */
export function memberOf(role: 'hub' | 'spoke', text: string): NewMember {
  const [, name = '', nodeInstanceId = '', place] = /^(?:([a-z0-9-]+)=)?([0-9a-f-]{36})(?:@(.+))?$/.exec(text) ?? []
  const endpoint = place === undefined ? undefined : endpointOf(place)
  if (nodeInstanceId === '' || (place !== undefined && !endpoint))
    throw new InvalidArgumentError('It looks like hub-1=<node uuid>@192.0.2.1:51820.')
  return {
    role,
    name,
    nodeInstanceId,
    ...(endpoint && {
      [endpoint.v6 ? 'endpointHostV6' : 'endpointHostV4']: endpoint.host,
      endpointPort: endpoint.port,
    }),
  }
}

/** Members as a file lists them, fields as in the contract. */
export function membersIn(session: Session, file: string | undefined): NewMember[] {
  if (file === undefined) return []
  const { members } = recordFrom(session, file)
  if (!Array.isArray(members)) throw usage(`${file} lists no members`, 'members: [{name, node_instance_id, role}]')
  return members.map((member, at) => {
    try {
      return fromJson(NewMemberSchema, member as JsonObject) // refuses what is no object
    } catch (cause) {
      throw usage(`${file}: members[${at}]: ${cause instanceof Error ? cause.message : String(cause)}`)
    }
  })
}
