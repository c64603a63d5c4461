# ./load-test-unified.ps1 -Mode sequential|concurrent -Url http://host:port/request -Count 10 -Timeout 30
# What is wrong with them the program says, as for the .sh: usage, and exit code 2.
param(
    [string] $Mode = 'sequential',
    [string] $Url = 'http://localhost:8080/request',
    [string] $Count = '10',
    [string] $Timeout = '30'
)
$java = if ($env:JAVA_HOME) { Join-Path $env:JAVA_HOME 'bin/java' } else { 'java' }
& $java (Join-Path $PSScriptRoot 'LoadTestUnified.java') -Mode $Mode -Url $Url -Count $Count -Timeout $Timeout
exit $LASTEXITCODE
