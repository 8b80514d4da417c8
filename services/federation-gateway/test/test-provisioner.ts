import type { ServiceImpl } from '@connectrpc/connect'
import { SpawnService } from '@powernode/proto/powernode/spawn/v1/service_pb.ts'
import { mount, type Mount } from '@powernode/rpc'
import { partly } from '@powernode/rpc/testing'
import { everyMethodFor } from './inner-services.ts'

/** spawn-provisioner as the gateway meets it; what it answers, a test decides. */
export class TestProvisioner {
  answers: Partial<ServiceImpl<typeof SpawnService>> = {}

  mounts(): Mount[] {
    const impl = partly(SpawnService, {
      enrollNode: (...said) => asked(this.answers.enrollNode)(...said),
      attendMember: (...said) => asked(this.answers.attendMember)(...said),
    })
    return [mount(SpawnService, impl, everyMethodFor(SpawnService, ['service/federation-gateway']))]
  }
}

function asked<Handler>(handler: Handler | undefined): Handler {
  if (!handler) throw new Error('the test does not expect this call')
  return handler
}
