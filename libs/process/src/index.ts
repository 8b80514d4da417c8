export { ConfigInvalid, readConfig } from './read-config.ts'
export { durationMs, filePath, flag, hostPort, port, secret } from './config-pieces.ts'
export { elapsed } from './elapsed.ts'
export { createLogger, type Logger, type LoggerOptions } from './logger.ts'
export { type LogFields } from './log-fields.ts'
export { main } from './main.ts'
export { createMetrics, type Counter, type Gauge, type Histogram, type Metrics } from './metrics.ts'
export {
  isAlive,
  isRunning,
  processesWith,
  processName,
  startOf,
  commandLineOf,
  type ProcessName,
} from './process-table.ts'
export { runTasks, type Task } from './run-tasks.ts'
export { Secret } from './secret.ts'
export { counting, timing } from './series.ts'
export { serveMetrics } from './serve-metrics.ts'
