# Both services in one image; the command says which: dev.holdfast.cache.examples.Ingress or …Proxy. In the root of the repository:
# docker build -f deploy/compose/streams.Dockerfile -t holdfast/streams-demo:0.1.0 .
FROM maven:3.9.11-eclipse-temurin-21 AS build
WORKDIR /src
COPY . .
RUN mvn -q -B -ntp -pl examples -am -DskipTests package \
    && mvn -q -B -ntp -pl examples -am -DskipTests -DincludeScope=runtime -DoutputDirectory=/src/libs package dependency:copy-dependencies \
    && cp examples/target/holdfast-examples-*.jar libs/

FROM eclipse-temurin:21.0.9_10-jre
RUN useradd --uid 10001 --no-create-home holdfast
COPY --from=build /src/libs /app
USER 10001
# A process whose heap was full may have lost any of its threads: it ends, and another takes its place.
# A Redis that is replaced has another address, which the JVM would not ask for before 30 s are over, and after a name that was not there 10 s.
ENTRYPOINT ["java", "-XX:+ExitOnOutOfMemoryError", "-XX:MaxRAMPercentage=60", \
    "-Dsun.net.inetaddr.ttl=1", "-Dsun.net.inetaddr.negative.ttl=1", "-cp", "/app/*"]
CMD ["dev.holdfast.cache.examples.Ingress"]
