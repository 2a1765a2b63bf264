/** Configurations of stock connectors, healthy ones and ones that fail in a known way (Kafka Connect 4.3). */

export type ConnectorConfig = Record<string, string>;

const STRING = 'org.apache.kafka.connect.storage.StringConverter';

/** Healthy: reads the lines of a file into a topic. The file may be missing; it is waited for. */
export function fileSource(file: string, topic: string): ConnectorConfig {
  return {
    'connector.class': 'org.apache.kafka.connect.file.FileStreamSourceConnector',
    'tasks.max': '1',
    'value.converter': STRING,
    file,
    topic,
  };
}

/** Appends records to a file. The task is FAILED in start() while the file's directory is missing; a restart heals it after. */
export function fileSink(file: string, topic: string): ConnectorConfig {
  return {
    'connector.class': 'org.apache.kafka.connect.file.FileStreamSinkConnector',
    'tasks.max': '1',
    'value.converter': STRING,
    file,
    topics: topic,
  };
}

/** Hopeless where the topic holds plain text: the task is FAILED about a second after every start. */
export function jsonSink(file: string, topic: string): ConnectorConfig {
  return {
    ...fileSink(file, topic),
    'value.converter': 'org.apache.kafka.connect.json.JsonConverter',
    'value.converter.schemas.enable': 'false',
  };
}

/** The task fails while it is being built: REST says FAILED, and JMX has no bean of it. */
export function unbuildableSink(file: string, topic: string): ConnectorConfig {
  return { ...fileSink(file, topic), 'consumer.override.bootstrap.servers': 'nowhere.invalid:9092' };
}

/** The connector instance itself is FAILED: its source cluster has no address. MirrorMaker 2 calls it `a->b.MirrorSourceConnector`. */
export function lostMirror(bootstrap: string): ConnectorConfig {
  return {
    'connector.class': 'org.apache.kafka.connect.mirror.MirrorSourceConnector',
    'tasks.max': '1',
    'source.cluster.alias': 'a',
    'target.cluster.alias': 'b',
    'source.cluster.bootstrap.servers': 'nowhere.invalid:9092',
    'target.cluster.bootstrap.servers': bootstrap,
    topics: 'orders',
  };
}
