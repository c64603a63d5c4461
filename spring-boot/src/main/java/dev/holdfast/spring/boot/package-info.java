/** Spring Boot 4: the client, Spring's cache abstraction over it, health and metrics. */
@NullMarked
package dev.holdfast.spring.boot;

import org.jspecify.annotations.NullMarked;
