export { startInProcess } from '@powernode/dev/in-process'
