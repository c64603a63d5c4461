package dev.holdfast.spring.boot;

import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.autoconfigure.ssl.SslAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.cache.annotation.EnableCaching;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** An application with a cached method, run after it was prepared ahead of time. */
@Configuration(proxyBeanMethods = false)
@EnableCaching
@ImportAutoConfiguration({
    SslAutoConfiguration.class,
    HoldfastAutoConfiguration.class,
    HoldfastCacheAutoConfiguration.class,
    HoldfastHealthAutoConfiguration.class
})
class AotApplication {
    @Bean
    Origin origin() {
        return new Origin();
    }

    public static void main(String[] args) {
        try (ConfigurableApplicationContext context = new SpringApplicationBuilder(AotApplication.class)
                .web(WebApplicationType.NONE)
                .run(args)) {
            Origin origin = context.getBean(Origin.class);
            origin.find(1);
            System.out.println("started with " + origin.find(1).getClass().getName());
        }
    }
}
