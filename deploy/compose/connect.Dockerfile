# Kafka Connect of Apache's image, with the JMX exporter's agent. For docker-compose.yml.
FROM maven:3.9.11-eclipse-temurin-21 AS agent
RUN mvn -q -B org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy \
      -Dartifact=io.prometheus.jmx:jmx_prometheus_javaagent:1.0.1 -DoutputDirectory=/agent -Dmdep.stripVersion=true

FROM apache/kafka:4.3.0
COPY --from=agent /agent/jmx_prometheus_javaagent.jar /opt/jmx-exporter/jmx_prometheus_javaagent.jar
USER 0
# The file connectors' folder; a new volume mounted here takes over its owner, who is appuser.
RUN mkdir -p /data && chown 1000:1000 /data
USER 1000
EXPOSE 8083 9404
