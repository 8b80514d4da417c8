import type { ServiceImpl } from '@connectrpc/connect'
import { SdwanService } from '@powernode/proto/powernode/sdwan/v1/service_pb.ts'
import { mount, type Mount } from '@powernode/rpc'
import { partly } from '@powernode/rpc/testing'
import { everyMethodFor } from './inner-services.ts'

/** sdwan-compiler as the gateway meets it; what it answers, a test decides. */
export class TestCompiler {
  receiveOverlay: ServiceImpl<typeof SdwanService>['receiveOverlay'] = () => {
    throw new Error('the test does not expect this call')
  }

  mounts(): Mount[] {
    const impl = partly(SdwanService, { receiveOverlay: (...said) => this.receiveOverlay(...said) })
    return [mount(SdwanService, impl, everyMethodFor(SdwanService, ['service/federation-gateway']))]
  }
}
