import { localSubject } from '../../testing/local-subject.ts'
import { providerSuite } from '../../testing/provider-suite.ts'
import { processProvider } from './process-provider.ts'

providerSuite('process', () => localSubject(processProvider, 120_000))
